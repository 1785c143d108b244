package longreach.lm.engine;

/**
 * @param kvBytes budget of all KV pages
 * @param maxQueue most requests that wait for admission
 * @param maxRunning most sequences that run at once
 * @param stepTokens most prefill tokens of a step while nobody decodes
 * @param prefillBudget most prefill tokens of a step while others decode
 */
public record EngineSettings(long kvBytes, int maxQueue, int maxRunning, int stepTokens, int prefillBudget) {
    public static final EngineSettings DEFAULTS = new EngineSettings(1L << 30, 64, 16, 512, 128);

    public EngineSettings {
        if (maxQueue < 1 || maxRunning < 1 || stepTokens < 1 || prefillBudget < 1 || prefillBudget > stepTokens) {
            throw new IllegalArgumentException("max-queue " + maxQueue + ", max-running " + maxRunning
                    + ", step-tokens " + stepTokens + ", prefill-budget " + prefillBudget
                    + " (expected: each at least 1, prefill-budget at most step-tokens)");
        }
    }
}
