package longreach.standalone.needle;

import java.util.Arrays;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** What was found of one length, in one way of seeing it, by one kind of question. */
final class Recall {
    /** Parts of a haystack, from its beginning to its end, that are counted apart. */
    static final int DEPTHS = 10;

    final int length;
    final String mode;
    final boolean paraphrased;
    private final int[] foundAt = new int[DEPTHS];
    private final int[] askedAt = new int[DEPTHS];
    private int shown;
    private double seconds;

    Recall(int length, String mode, boolean paraphrased) {
        this.length = length;
        this.mode = mode;
        this.paraphrased = paraphrased;
    }

    /**
     * @param depth of the fact, in [0, 1)
     * @param held whether the fact lay whole in what the question saw
     */
    void add(double depth, boolean found, boolean held, double took) {
        int part = (int) (depth * DEPTHS);
        askedAt[part]++;
        foundAt[part] += found ? 1 : 0;
        shown += held ? 1 : 0;
        seconds += took;
    }

    int found() {
        return Arrays.stream(foundAt).sum();
    }

    int asked() {
        return Arrays.stream(askedAt).sum();
    }

    /** How often the fact was in sight. */
    int shown() {
        return shown;
    }

    double secondsEach() {
        return asked() == 0 ? 0 : seconds / asked();
    }

    Interval interval() {
        return Interval.of(found(), asked());
    }

    int foundAt(int depth) {
        return foundAt[depth];
    }

    int askedAt(int depth) {
        return askedAt[depth];
    }

    void write(ObjectNode node) {
        node.put("length", length);
        node.put("mode", mode);
        node.put("paraphrased", paraphrased);
        node.put("found", found());
        node.put("asked", asked());
        node.put("inSight", shown);
        node.put("low", interval().low());
        node.put("high", interval().high());
        node.put("secondsEach", secondsEach());
        var foundByDepth = node.putArray("foundByDepth");
        var askedByDepth = node.putArray("askedByDepth");
        for (int depth = 0; depth < DEPTHS; depth++) {
            foundByDepth.add(foundAt[depth]);
            askedByDepth.add(askedAt[depth]);
        }
    }

    /**
     * What {@link #write} wrote.
     *
     * @throws IllegalArgumentException when it is something else
     */
    static Recall read(JsonNode node) {
        var recall = new Recall(
                node.path("length").asInt(),
                node.path("mode").asString(),
                node.path("paraphrased").asBoolean());
        JsonNode found = node.path("foundByDepth");
        JsonNode asked = node.path("askedByDepth");
        if (found.size() != DEPTHS || asked.size() != DEPTHS) {
            throw new IllegalArgumentException("foundByDepth, askedByDepth: " + found.size() + ", " + asked.size()
                    + " numbers (expected: " + DEPTHS + ")");
        }
        for (int depth = 0; depth < DEPTHS; depth++) {
            recall.foundAt[depth] = found.get(depth).asInt();
            recall.askedAt[depth] = asked.get(depth).asInt();
        }
        recall.shown = node.path("inSight").asInt();
        recall.seconds = node.path("secondsEach").asDouble() * recall.asked();
        return recall;
    }

    /** "2k", "1m", "7680" */
    static String label(int tokens) {
        boolean thousands = tokens % 1024 == 0;
        return tokens % (1 << 20) == 0 && tokens > 0
                ? (tokens >> 20) + "m"
                : thousands ? tokens / 1024 + "k" : String.valueOf(tokens);
    }
}
