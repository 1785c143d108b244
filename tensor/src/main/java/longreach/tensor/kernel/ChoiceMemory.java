package longreach.tensor.kernel;

import java.util.Optional;

/**
 * Keeps, from one start to the next, how prompts are multiplied. What was computed in one way is not taken for what another
 * computes, so a process that chose anew, and otherwise, would find nothing of what it has stored.
 */
public interface ChoiceMemory {
    /** For kernels that choose for themselves alone. */
    ChoiceMemory NONE = new ChoiceMemory() {
        @Override
        public Optional<String> recall() {
            return Optional.empty();
        }

        @Override
        public void remember(String choice) {}
    };

    /** What was remembered for this kind of processor; empty also when it cannot be said now. */
    Optional<String> recall();

    /** Does what it can: nothing depends on it but the next start. */
    void remember(String choice);
}
