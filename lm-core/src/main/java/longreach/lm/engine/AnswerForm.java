package longreach.lm.engine;

import longreach.lm.prompt.ToolSyntax;
import longreach.lm.sample.TokenMask;

/**
 * What an answer must be made of.
 *
 * @param mask which tokens its visible part may have; null: any
 * @param calls how calls in it are written; null: there are none
 * @param thinking null: nothing of it is thoughts
 */
public record AnswerForm(TokenMask mask, ToolSyntax calls, Thinking thinking) {
    /** Plain text. */
    public static final AnswerForm FREE = new AnswerForm(null, null, null);

    /**
     * Thoughts in front of the answer.
     *
     * @param markers of the model
     * @param inside whether the prompt has begun them
     * @param budget most tokens of them; {@link Integer#MAX_VALUE}: any number
     */
    public record Thinking(ThinkMarkers markers, boolean inside, int budget) {}
}
