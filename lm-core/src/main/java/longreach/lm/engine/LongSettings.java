package longreach.lm.engine;

import longreach.lm.select.BlockSelector;

/**
 * Contexts beyond a model's trained length.
 *
 * @param enabled false: longer prompts are refused
 * @param initialTokens that every token sees
 * @param windowTokens before its chunk that a token of the prompt sees beside them
 * @param localTokens before the question that it and its answer see
 * @param blocks most chosen blocks that it sees
 * @param blockTokens length of each
 * @param selector that chooses them
 * @param maxTokens most tokens of a prompt
 * @param holdBytes of raw rows that a sequence keeps in memory where there is no store to fetch them from
 */
public record LongSettings(
        boolean enabled,
        int initialTokens,
        int windowTokens,
        int localTokens,
        int blocks,
        int blockTokens,
        BlockSelector.Kind selector,
        int maxTokens,
        long holdBytes) {
    public static final LongSettings DEFAULTS =
            new LongSettings(true, 64, 1024, 256, 4, 128, BlockSelector.Kind.FUSED, 2 << 20, 512L << 20);

    public LongSettings {
        if (initialTokens < 1 || windowTokens < 1 || localTokens < 1 || localTokens > windowTokens) {
            throw new IllegalArgumentException("long: initial-tokens " + initialTokens + ", window-tokens "
                    + windowTokens + ", local-tokens " + localTokens
                    + " (expected: each at least 1, local-tokens at most window-tokens)");
        }
        if (blocks < 0 || blockTokens < 32 || maxTokens < 1 || holdBytes < 0) {
            throw new IllegalArgumentException("long: blocks " + blocks + ", block-tokens " + blockTokens
                    + ", max-tokens " + maxTokens + ", hold-bytes " + holdBytes
                    + " (expected: 0 or more, at least 32, at least 1, 0 or more)");
        }
    }
}
