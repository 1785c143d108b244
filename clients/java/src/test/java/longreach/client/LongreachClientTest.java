package longreach.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import longreach.gemini.v1beta.Candidate;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.gemini.v1beta.GenerateContentResponse.UsageMetadata;
import longreach.gemini.v1beta.GenerativeServiceGrpc;
import longreach.gemini.v1beta.Part;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LongreachClientTest {
    private static final Context.Key<String> KEY = Context.key("key");

    private final Echo echo = new Echo();
    private Server server;
    private LongreachClient client;

    /** Says the last turn back, letter by letter when streamed; "fail" is refused, and "hang" never ends. */
    private static final class Echo extends GenerativeServiceGrpc.GenerativeServiceImplBase {
        final List<GenerateContentRequest> requests = new ArrayList<>();
        final CountDownLatch cancelled = new CountDownLatch(1);
        volatile String key;

        @Override
        public void generateContent(GenerateContentRequest request, StreamObserver<GenerateContentResponse> out) {
            key = KEY.get();
            requests.add(request);
            out.onNext(message(said(request)).build());
            out.onCompleted();
        }

        @Override
        public void streamGenerateContent(GenerateContentRequest request, StreamObserver<GenerateContentResponse> out) {
            requests.add(request);
            var words = said(request);
            if (words.equals("fail")) {
                out.onError(Status.RESOURCE_EXHAUSTED.withDescription("later").asRuntimeException());
                return;
            }
            ((ServerCallStreamObserver<GenerateContentResponse>) out).setOnCancelHandler(cancelled::countDown);
            for (var letter : words.split("")) {
                out.onNext(message(letter).build());
            }
            if (!words.equals("hang")) {
                out.onNext(message("")
                        .setUsageMetadata(UsageMetadata.newBuilder()
                                .setPromptTokenCount(3)
                                .setTotalTokenCount(3 + words.length()))
                        .build());
                out.onCompleted();
            }
        }

        private static String said(GenerateContentRequest request) {
            return request.getContents(request.getContentsCount() - 1)
                    .getParts(0)
                    .getText();
        }

        private static GenerateContentResponse.Builder message(String text) {
            return GenerateContentResponse.newBuilder()
                    .addCandidates(Candidate.newBuilder()
                            .setFinishReason(Candidate.FinishReason.STOP)
                            .setContent(Content.newBuilder()
                                    .setRole("model")
                                    .addParts(Part.newBuilder().setText(text))));
        }
    }

    private static final class KeyReader implements ServerInterceptor {
        @Override
        public <Q, R> ServerCall.Listener<Q> interceptCall(
                ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            var key = headers.get(Metadata.Key.of("x-goog-api-key", Metadata.ASCII_STRING_MARSHALLER));
            return Contexts.interceptCall(Context.current().withValue(KEY, key), call, headers, next);
        }
    }

    @BeforeEach
    void start() throws IOException {
        var name = InProcessServerBuilder.generateName();
        server = InProcessServerBuilder.forName(name)
                .addService(echo)
                .intercept(new KeyReader())
                .build()
                .start();
        client = LongreachClient.to("unused")
                .apiKey("secret")
                .model("tiny")
                .timeout(Duration.ofMinutes(1))
                .over(InProcessChannelBuilder.forName(name));
    }

    @AfterEach
    void stop() {
        client.close();
        server.shutdownNow();
    }

    private static GenerateContentRequest request(String text) {
        return GenerateContentRequest.newBuilder()
                .addContents(LongreachClient.user(text))
                .build();
    }

    @Test
    void aQuestionCarriesModelAndKey() {
        assertThat(client.ask("hello").text()).isEqualTo("hello");
        assertThat(echo.key).isEqualTo("secret");
        assertThat(echo.requests.getFirst().getModel()).isEqualTo("models/tiny");
    }

    @Test
    void aStreamedAnswerIsWholeAgainAtItsEnd() {
        var pieces = new ArrayList<String>();
        var answer = client.stream(request("hello"), pieces::add);
        assertThat(pieces).containsExactly("h", "e", "l", "l", "o");
        assertThat(answer.content().getPartsList()).hasSize(1);
        assertThat(answer.text()).isEqualTo("hello");
        assertThat(answer.usage().getTotalTokenCount()).isEqualTo(8);
        assertThat(answer.finishReason()).isEqualTo(Candidate.FinishReason.STOP);
    }

    @Test
    void aConversationGoesOnFromWhatWasSaid() {
        var talk = client.conversation();
        talk.ask("one");
        assertThatThrownBy(() -> talk.ask("fail"))
                .isInstanceOf(StatusRuntimeException.class)
                .hasMessageContaining("later");
        talk.ask("two");
        assertThat(echo.requests.getLast().getContentsList().stream().map(Answer::text))
                .containsExactly("one", "one", "two");
        assertThat(talk.history()).hasSize(4);
    }

    @Test
    void aReaderThatFailsCancelsTheCall() throws InterruptedException {
        assertThatThrownBy(() -> client.stream(request("hang"), piece -> {
                    throw new IllegalStateException("full");
                }))
                .hasMessage("full");
        assertThat(echo.cancelled.await(30, TimeUnit.SECONDS)).isTrue();
    }
}
