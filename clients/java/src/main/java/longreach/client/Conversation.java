package longreach.client;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.GenerateContentRequest;

/**
 * Questions that go on from each other: every one is asked with all that was said before, which the service has in its
 * cache. For one thread. A question that fails leaves no trace in the history.
 */
public final class Conversation {
    private final LongreachClient client;
    private final GenerateContentRequest beginning;
    private final List<Content> history = new ArrayList<>();

    Conversation(LongreachClient client, GenerateContentRequest beginning) {
        this.client = client;
        this.beginning = beginning;
        history.addAll(beginning.getContentsList());
    }

    /** @throws io.grpc.StatusRuntimeException as the service answered */
    public Answer ask(String question) {
        return ask(question, piece -> {});
    }

    /** @param pieces is given the text as it comes */
    public Answer ask(String question, Consumer<String> pieces) {
        var asked = LongreachClient.user(question);
        var answer = client.stream(
                beginning.toBuilder()
                        .clearContents()
                        .addAllContents(history)
                        .addContents(asked)
                        .build(),
                pieces);
        history.add(asked);
        history.add(answer.content());
        return answer;
    }

    public List<Content> history() {
        return List.copyOf(history);
    }
}
