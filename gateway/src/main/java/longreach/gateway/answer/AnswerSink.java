package longreach.gateway.answer;

import longreach.gateway.call.Caller;
import longreach.gateway.plan.Plan;
import longreach.gemini.v1beta.GenerateContentResponse;

/** Where an answer goes, piece by piece, from one thread. */
public interface AnswerSink extends Caller {
    /**
     * @param piece the next; the last one has a finish reason and the receipt
     * @throws longreach.gateway.error.ApiException CANCELLED when the caller is gone
     */
    void accept(GenerateContentResponse piece);

    /** Before the first piece: what the answer will rest on. */
    default void planned(Plan plan) {}
}
