package longreach.lm.engine;

import longreach.lm.model.ModelCard;

/** What a prompt must be before it is queued. */
final class PromptCheck {
    private PromptCheck() {}

    /**
     * @param reaches whether it may be longer than the model's context
     * @throws EngineException.InvalidRequest naming the value and what was expected
     */
    static void check(GenerateRequest request, ModelCard card, boolean reaches) {
        var prompt = request.prompt();
        if (!reaches && prompt.length() > card.context()) {
            throw new EngineException.InvalidRequest(
                    "prompt: " + prompt.length() + " tokens (expected: at most " + card.context() + ")");
        }
        for (int i = 0; i < prompt.runs().size(); i++) {
            int tokens = prompt.end(i) - prompt.start(i);
            if (prompt.isBidirectional(i) && tokens > Engine.MAX_BIDIRECTIONAL) {
                throw new EngineException.InvalidRequest("segment " + i + ": " + tokens
                        + " bidirectional tokens (expected: at most " + Engine.MAX_BIDIRECTIONAL + ")");
            }
        }
        for (int p = 0; p < prompt.length(); p++) {
            int id = prompt.id(p);
            if (id < -1 || id >= card.vocabulary()) {
                throw new EngineException.InvalidRequest("token id: " + Integer.toUnsignedString(id)
                        + " (expected: less than " + card.vocabulary() + ")");
            }
        }
    }
}
