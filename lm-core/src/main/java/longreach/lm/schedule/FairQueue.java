package longreach.lm.schedule;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * A bounded queue that serves its tenants in turn, each tenant's items in order of arrival: a tenant with a hundred waiting
 * requests delays another one's first by one. For use by one thread, or under the caller's lock.
 */
public final class FairQueue<T> {
    private final int capacity;
    // The order of the keys is the order of turns.
    private final Map<String, ArrayDeque<T>> byTenant = new LinkedHashMap<>();
    private int size;

    public FairQueue(int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException("queue: " + capacity + " (expected: at least 1)");
        }
        this.capacity = capacity;
    }

    /** False when the queue is full. */
    public boolean offer(String tenant, T item) {
        if (size == capacity) {
            return false;
        }
        byTenant.computeIfAbsent(tenant, t -> new ArrayDeque<>()).add(item);
        size++;
        return true;
    }

    /** What {@link #poll} would take; null when empty. */
    public T peek() {
        return size == 0 ? null : byTenant.values().iterator().next().peek();
    }

    /** Takes the first item of the tenant whose turn it is, and sends that tenant to the end; null when empty. */
    public T poll() {
        if (size == 0) {
            return null;
        }
        var turn = byTenant.entrySet().iterator().next();
        String tenant = turn.getKey();
        ArrayDeque<T> items = turn.getValue();
        T item = items.poll();
        size--;
        byTenant.remove(tenant);
        if (!items.isEmpty()) {
            byTenant.put(tenant, items);
        }
        return item;
    }

    /** Takes out every item that the condition holds for. */
    public List<T> removeIf(Predicate<T> condition) {
        List<T> removed = new ArrayList<>();
        for (ArrayDeque<T> items : byTenant.values()) {
            items.removeIf(item -> condition.test(item) && removed.add(item));
        }
        byTenant.values().removeIf(ArrayDeque::isEmpty);
        size -= removed.size();
        return removed;
    }

    public int size() {
        return size;
    }
}
