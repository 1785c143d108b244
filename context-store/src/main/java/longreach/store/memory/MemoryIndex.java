package longreach.store.memory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import longreach.store.api.ChunkKey;

/** What one tenant has in memory, and who goes first when it has too much. Guarded by the store. */
final class MemoryIndex {
    private static final int REMEMBERED = 8192;

    private final long quotaBytes;
    private final Map<ChunkKey, Entry> entries = new HashMap<>();
    private final Map<ChunkKey, Integer> kids = new HashMap<>();
    /** Evicted, the oldest first. */
    private final Set<ChunkKey> gone = new LinkedHashSet<>();

    private long totalBytes;
    private long uses;

    private static final class Entry {
        final ChunkKey parent;
        final long bytes;
        long used;
        long pinnedUntilMillis;

        Entry(ChunkKey parent, long bytes) {
            this.parent = parent;
            this.bytes = bytes;
        }
    }

    /** @param quotaBytes 0: no bound */
    MemoryIndex(long quotaBytes) {
        this.quotaBytes = quotaBytes;
    }

    /** @param fits false: all that may go would not make room for it @param evicted has to go in any case */
    record Room(boolean fits, List<ChunkKey> evicted) {}

    /** Notes a chunk, if there is room for it. */
    Room reserve(ChunkKey key, ChunkKey parent, long bytes, long nowMillis) {
        List<ChunkKey> evicted = new ArrayList<>();
        Entry known = entries.get(key);
        if (known == null) {
            if (quotaBytes > 0 && bytes > quotaBytes) {
                return new Room(false, evicted);
            }
            while (quotaBytes > 0 && totalBytes + bytes > quotaBytes) {
                var victim = entries.entrySet().stream()
                        .filter(entry -> !kids.containsKey(entry.getKey())
                                && !entry.getKey().equals(parent)
                                && entry.getValue().pinnedUntilMillis <= nowMillis)
                        .min(Comparator.comparingLong(entry -> entry.getValue().used))
                        .map(Map.Entry::getKey);
                if (victim.isEmpty()) {
                    return new Room(false, evicted);
                }
                evicted(victim.get());
                evicted.add(victim.get());
            }
            known = new Entry(parent, bytes);
            entries.put(key, known);
            kids.merge(parent, 1, Integer::sum);
            totalBytes += bytes;
            gone.remove(key);
        }
        known.used = ++uses;
        return new Room(true, evicted);
    }

    void used(ChunkKey key) {
        Entry entry = entries.get(key);
        if (entry != null) {
            entry.used = ++uses;
        }
    }

    void keep(ChunkKey key, long untilMillis) {
        Entry entry = entries.get(key);
        if (entry != null) {
            entry.pinnedUntilMillis = Math.max(entry.pinnedUntilMillis, untilMillis);
        }
    }

    void forget(ChunkKey key) {
        Entry entry = entries.remove(key);
        if (entry != null) {
            totalBytes -= entry.bytes;
            kids.computeIfPresent(entry.parent, (parent, count) -> count > 1 ? count - 1 : null);
        }
    }

    void evicted(ChunkKey key) {
        forget(key);
        gone.add(key);
        if (gone.size() > REMEMBERED) {
            Iterator<ChunkKey> oldest = gone.iterator();
            oldest.next();
            oldest.remove();
        }
    }

    boolean wasEvicted(ChunkKey key) {
        return gone.contains(key);
    }
}
