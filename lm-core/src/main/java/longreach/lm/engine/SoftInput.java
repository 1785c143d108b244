package longreach.lm.engine;

import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import longreach.lm.prompt.TokenStream;

/** Soft tokens of one sequence as they arrive, in any order. Safe for use by several threads. */
final class SoftInput {
    private static final class Rows {
        final float[] data;
        final BitSet arrived;

        Rows(int tokens, int width) {
            data = new float[Math.multiplyExact(tokens, width)];
            arrived = new BitSet(tokens);
        }
    }

    private final TokenStream prompt;
    private final int width;
    private final Map<Integer, Rows> wanted = new HashMap<>();
    private boolean ended;

    SoftInput(TokenStream prompt, int width) {
        this.prompt = prompt;
        this.width = width;
    }

    synchronized void want(List<Integer> runs) {
        for (int run : runs) {
            wanted.put(run, new Rows(prompt.runs().get(run).tokens(), width));
        }
    }

    synchronized void add(int run, int offset, float[] rows) {
        Rows into = wanted.get(run);
        if (into == null) {
            throw new EngineException.InvalidRequest("segment: " + run + " (expected: one of " + wanted.keySet() + ")");
        }
        int tokens = prompt.runs().get(run).tokens();
        int n = rows.length / width;
        if (n == 0 || rows.length % width != 0 || offset < 0 || n > tokens - offset) {
            throw new EngineException.InvalidRequest("soft rows: " + rows.length + " elements at row " + offset
                    + " (expected: whole rows of " + width + " within " + tokens + " rows)");
        }
        if (into.arrived.nextSetBit(offset) >= 0 && into.arrived.nextSetBit(offset) < offset + n) {
            throw new EngineException.InvalidRequest(
                    "soft rows: [" + offset + ", " + (offset + n) + ") of segment " + run + " (expected: each once)");
        }
        System.arraycopy(rows, 0, into.data, offset * width, rows.length);
        into.arrived.set(offset, offset + n);
    }

    synchronized void end() {
        ended = true;
    }

    synchronized boolean ended() {
        return ended;
    }

    /** The first position in [from, to) that is soft and has not arrived; {@code to} when there is none. */
    synchronized int missingFrom(int from, int to) {
        for (int p = from; p < to; ) {
            int run = prompt.runAt(p);
            if (prompt.runs().get(run) instanceof TokenStream.SoftRun) {
                Rows rows = wanted.get(run);
                int missing = rows == null ? p : prompt.start(run) + rows.arrived.nextClearBit(p - prompt.start(run));
                if (missing < Math.min(to, prompt.end(run))) {
                    return missing;
                }
            }
            p = prompt.end(run);
        }
        return to;
    }

    /** The rows of a run; read only where {@link #missingFrom} has seen them arrive. */
    synchronized float[] rows(int run) {
        return wanted.get(run).data;
    }

    /** The positions before {@code position} are computed: their rows can go. */
    synchronized void drop(int position) {
        wanted.keySet().removeIf(run -> prompt.end(run) <= position);
    }
}
