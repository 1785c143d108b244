package longreach.lm.engine;

import longreach.lm.speculate.Speculation;

/**
 * @param kvBytes budget of all KV pages
 * @param maxQueue most requests that wait for admission
 * @param maxRunning most sequences that run at once
 * @param stepTokens most prefill tokens of a step while nobody decodes
 * @param prefillBudget most prefill tokens of a step while others decode
 * @param speculation where guesses at the next tokens come from
 * @param maxDraft most guesses of a sequence in a step
 * @param rowCost what a further row costs a step that decodes, in shares of its fixed cost; 0: measured
 * @param reach what lies beyond the model's trained length
 */
public record EngineSettings(
        long kvBytes,
        int maxQueue,
        int maxRunning,
        int stepTokens,
        int prefillBudget,
        Speculation speculation,
        int maxDraft,
        double rowCost,
        LongSettings reach) {
    public static final EngineSettings DEFAULTS = new EngineSettings(1L << 30, 64, 16, 512, 128);

    private static final int DRAFT = 12;
    private static final int MOST_DRAFT = Engine.MAX_ROLLBACK;

    /** With prompt look-up. */
    public EngineSettings(long kvBytes, int maxQueue, int maxRunning, int stepTokens, int prefillBudget) {
        this(
                kvBytes,
                maxQueue,
                maxRunning,
                stepTokens,
                prefillBudget,
                Speculation.LOOKUP,
                DRAFT,
                0,
                LongSettings.DEFAULTS);
    }

    public EngineSettings {
        if (!(rowCost >= 0 && rowCost <= 1)) {
            throw new IllegalArgumentException("row-cost: " + rowCost + " (expected: 0 <= row-cost <= 1)");
        }
        if (maxDraft < 1 || maxDraft > MOST_DRAFT) {
            throw new IllegalArgumentException("max-draft: " + maxDraft + " (expected: 1 to " + MOST_DRAFT + ")");
        }
        if (maxQueue < 1 || maxRunning < 1 || stepTokens < 1 || prefillBudget < 1 || prefillBudget > stepTokens) {
            throw new IllegalArgumentException("max-queue " + maxQueue + ", max-running " + maxRunning
                    + ", step-tokens " + stepTokens + ", prefill-budget " + prefillBudget
                    + " (expected: each at least 1, prefill-budget at most step-tokens)");
        }
    }

    public EngineSettings with(Speculation other) {
        return new EngineSettings(
                kvBytes, maxQueue, maxRunning, stepTokens, prefillBudget, other, maxDraft, rowCost, reach);
    }

    public EngineSettings withRowCost(double share) {
        return new EngineSettings(
                kvBytes, maxQueue, maxRunning, stepTokens, prefillBudget, speculation, maxDraft, share, reach);
    }

    public EngineSettings with(LongSettings other) {
        return new EngineSettings(
                kvBytes, maxQueue, maxRunning, stepTokens, prefillBudget, speculation, maxDraft, rowCost, other);
    }
}
