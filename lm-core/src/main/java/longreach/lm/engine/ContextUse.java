package longreach.lm.engine;

import java.util.OptionalInt;
import longreach.lm.select.BlockSelector;

/**
 * How much of a prompt an answer sees.
 *
 * @param questionStart position where the question's turn begins; negative: not told, and guessed from the boundaries
 * @param selector null: the engine's setting
 * @param blocks most chosen blocks; empty: the engine's setting
 * @param localTokens before the question that are seen whatever is chosen; empty: the engine's setting
 */
public record ContextUse(
        Mode mode, int questionStart, BlockSelector.Kind selector, OptionalInt blocks, OptionalInt localTokens) {
    public enum Mode {
        /** Exact within the model's trained length, else long. */
        AUTO,
        /** Every token sees all tokens before it. */
        EXACT,
        /** The prompt is prefilled under a window, and the question sees chosen blocks of it. */
        LONG,
        /** The prompt is prefilled exactly, and the question sees chosen blocks of it. */
        FOCUS;

        /** As it is written in requests and receipts. */
        public String label() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    public static final ContextUse DEFAULT =
            new ContextUse(Mode.AUTO, -1, null, OptionalInt.empty(), OptionalInt.empty());

    private static final int MOST_BLOCKS = 64;

    public ContextUse {
        if (blocks.isPresent() && (blocks.getAsInt() < 0 || blocks.getAsInt() > MOST_BLOCKS)) {
            throw new EngineException.InvalidRequest(
                    "context blocks: " + blocks.getAsInt() + " (expected: 0 to " + MOST_BLOCKS + ")");
        }
        if (localTokens.isPresent() && localTokens.getAsInt() < 1) {
            throw new EngineException.InvalidRequest(
                    "context local_tokens: " + localTokens.getAsInt() + " (expected: at least 1)");
        }
    }

    public static ContextUse of(Mode mode, int questionStart) {
        return new ContextUse(mode, questionStart, null, OptionalInt.empty(), OptionalInt.empty());
    }
}
