package longreach.lm.schedule;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * In which order sequences that prefill get their share of a step: the tenant that was served longest ago first, and
 * within a tenant the sequence that came first, so that a prompt is finished before the next one is begun.
 */
public final class PrefillTurns {
    private final Map<String, Long> lastServed = new HashMap<>();
    private long turn;

    /** One sequence of each tenant, in the order of their turns, then the others in the order given. */
    public <S> List<S> order(List<S> sequences, Function<S, String> tenantOf) {
        List<S> firsts = new ArrayList<>();
        List<S> others = new ArrayList<>();
        Map<String, Long> waiting = new HashMap<>();
        for (S sequence : sequences) {
            String tenant = tenantOf.apply(sequence);
            boolean first = waiting.putIfAbsent(tenant, lastServed.getOrDefault(tenant, 0L)) == null;
            (first ? firsts : others).add(sequence);
        }
        lastServed.keySet().retainAll(waiting.keySet());
        firsts.sort((a, b) -> Long.compare(waiting.get(tenantOf.apply(a)), waiting.get(tenantOf.apply(b))));
        firsts.addAll(others);
        return firsts;
    }

    public void served(String tenant) {
        lastServed.put(tenant, ++turn);
    }
}
