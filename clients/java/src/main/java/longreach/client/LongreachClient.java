package longreach.client;

import com.google.protobuf.util.Durations;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import longreach.gemini.v1beta.BatchEmbedContentsRequest;
import longreach.gemini.v1beta.CacheServiceGrpc;
import longreach.gemini.v1beta.CacheServiceGrpc.CacheServiceBlockingStub;
import longreach.gemini.v1beta.CachedContent;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.CountTokensRequest;
import longreach.gemini.v1beta.CreateCachedContentRequest;
import longreach.gemini.v1beta.DeleteCachedContentRequest;
import longreach.gemini.v1beta.EmbedContentRequest;
import longreach.gemini.v1beta.FileServiceGrpc;
import longreach.gemini.v1beta.FileServiceGrpc.FileServiceBlockingStub;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.gemini.v1beta.GenerativeServiceGrpc;
import longreach.gemini.v1beta.GenerativeServiceGrpc.GenerativeServiceBlockingStub;
import longreach.gemini.v1beta.ModelServiceGrpc;
import longreach.gemini.v1beta.ModelServiceGrpc.ModelServiceBlockingStub;
import longreach.gemini.v1beta.Part;

/**
 * The service over gRPC. Thread-safe; one is enough for a program. Calls block, which virtual threads do not mind, and
 * throw {@link io.grpc.StatusRuntimeException} with the service's status and message. An interrupted thread cancels its
 * call at the service.
 */
public final class LongreachClient implements AutoCloseable {
    private static final Metadata.Key<String> KEY = Metadata.Key.of("x-goog-api-key", Metadata.ASCII_STRING_MARSHALLER);
    private static final int MAX_MESSAGE_BYTES = 64 << 20;
    private static final int CLOSE_SECONDS = 5;

    private final ManagedChannel owned;
    private final Channel channel;
    private final String model;
    private final Duration timeout;

    private LongreachClient(ManagedChannel owned, String apiKey, String model, Duration timeout) {
        this.owned = owned;
        this.model = model.startsWith("models/") ? model : "models/" + model;
        this.timeout = timeout;
        var headers = new Metadata();
        headers.put(KEY, apiKey);
        channel = ClientInterceptors.intercept(owned, MetadataUtils.newAttachHeadersInterceptor(headers));
    }

    /** @param target {@code host:port}, or any target that gRPC resolves, such as {@code dns:///gateway:9090} */
    public static Builder to(String target) {
        return new Builder(target);
    }

    /** What is not said has a default: no TLS, the key {@code any}, ten minutes. */
    public static final class Builder {
        private final String target;
        private String apiKey = "any";
        private String model = "smollm2-135m";
        private boolean tls;
        private Duration timeout = Duration.ofMinutes(10);

        private Builder(String target) {
            this.target = target;
        }

        public Builder apiKey(String value) {
            apiKey = value;
            return this;
        }

        /** The model of requests that name none. */
        public Builder model(String value) {
            model = value;
            return this;
        }

        /** For a service behind a proxy with a certificate. */
        public Builder tls(boolean value) {
            tls = value;
            return this;
        }

        /** Longest that a call may take, a streamed answer included. */
        public Builder timeout(Duration value) {
            if (value.isNegative() || value.isZero()) {
                throw new IllegalArgumentException("timeout: " + value + " (expected: more than nothing)");
            }
            timeout = value;
            return this;
        }

        public LongreachClient build() {
            var builder = ManagedChannelBuilder.forTarget(target).maxInboundMessageSize(MAX_MESSAGE_BYTES);
            return over(tls ? builder.useTransportSecurity() : builder.usePlaintext());
        }

        LongreachClient over(ManagedChannelBuilder<?> builder) {
            return new LongreachClient(builder.build(), apiKey, model, timeout);
        }
    }

    /** One turn of a person's. */
    public static Content user(String text) {
        return Content.newBuilder()
                .setRole("user")
                .addParts(Part.newBuilder().setText(text))
                .build();
    }

    public Answer ask(String question) {
        return ask(
                GenerateContentRequest.newBuilder().addContents(user(question)).build());
    }

    public Answer ask(GenerateContentRequest request) {
        return Answer.of(generative().generateContent(named(request)));
    }

    /**
     * Asks, and waits until the answer has come to its end.
     *
     * @param pieces is given the text as it comes, on the calling thread; what it throws cancels the call
     */
    public Answer stream(GenerateContentRequest request, Consumer<String> pieces) {
        var context = io.grpc.Context.current().withCancellation();
        var before = context.attach();
        try {
            var parts = new ArrayList<Part>();
            var last = GenerateContentResponse.newBuilder();
            var messages = generative().streamGenerateContent(named(request));
            while (messages.hasNext()) {
                var message = messages.next();
                if (message.getCandidatesCount() > 0) {
                    var content = message.getCandidates(0).getContent();
                    var text = Answer.text(content);
                    if (!text.isEmpty()) {
                        pieces.accept(text);
                    }
                    parts.addAll(content.getPartsList());
                }
                last.clearCandidates().mergeFrom(message);
            }
            if (last.getCandidatesCount() > 0) {
                last.getCandidatesBuilder(0)
                        .setContent(Content.newBuilder().setRole("model").addAllParts(joined(parts)));
            }
            return Answer.of(last.build());
        } finally {
            context.detach(before);
            context.cancel(null);
        }
    }

    /** Neighbouring pieces of text, or of thoughts, are one part again. */
    private static List<Part> joined(List<Part> parts) {
        var joined = new ArrayList<Part>();
        for (var part : parts) {
            var previous = joined.isEmpty() ? null : joined.getLast();
            boolean goesOn = previous != null
                    && previous.getDataCase() == Part.DataCase.TEXT
                    && part.getDataCase() == Part.DataCase.TEXT
                    && previous.getThought() == part.getThought();
            if (goesOn) {
                joined.set(
                        joined.size() - 1,
                        previous.toBuilder()
                                .setText(previous.getText() + part.getText())
                                .build());
            } else {
                joined.add(part);
            }
        }
        return joined;
    }

    public Conversation conversation() {
        return conversation(GenerateContentRequest.getDefaultInstance());
    }

    /** @param beginning settings, a system instruction, tools and first turns */
    public Conversation conversation(GenerateContentRequest beginning) {
        return new Conversation(this, beginning);
    }

    /** What a request's prompt takes; the answer's usage then says the same. */
    public int countTokens(GenerateContentRequest request) {
        return generative()
                .countTokens(CountTokensRequest.newBuilder()
                        .setModel(named(request).getModel())
                        .setGenerateContentRequest(named(request))
                        .build())
                .getTotalTokens();
    }

    /** @return one vector of length 1 for each text, in their order */
    public List<float[]> embed(String embeddingModel, List<String> texts) {
        var name = embeddingModel.startsWith("models/") ? embeddingModel : "models/" + embeddingModel;
        var batch = BatchEmbedContentsRequest.newBuilder().setModel(name);
        for (var text : texts) {
            batch.addRequests(EmbedContentRequest.newBuilder().setModel(name).setContent(user(text)));
        }
        return generative().batchEmbedContents(batch.build()).getEmbeddingsList().stream()
                .map(embedding -> {
                    var values = new float[embedding.getValuesCount()];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = embedding.getValues(i);
                    }
                    return values;
                })
                .toList();
    }

    /** Keeps a prompt's beginning; requests name it in {@code cached_content}. */
    public CachedContent cache(List<Content> contents, Duration life) {
        return caches().createCachedContent(CreateCachedContentRequest.newBuilder()
                .setCachedContent(CachedContent.newBuilder()
                        .setModel(model)
                        .addAllContents(contents)
                        .setTtl(Durations.fromMillis(life.toMillis())))
                .build());
    }

    public void deleteCache(String name) {
        var unused = caches().deleteCachedContent(
                        DeleteCachedContentRequest.newBuilder().setName(name).build());
    }

    private GenerateContentRequest named(GenerateContentRequest request) {
        return request.getModel().isEmpty()
                ? request.toBuilder().setModel(model).build()
                : request;
    }

    /** The generated stub, with key and deadline; take a new one for each call. */
    public GenerativeServiceBlockingStub generative() {
        return limited(GenerativeServiceGrpc.newBlockingStub(channel));
    }

    public CacheServiceBlockingStub caches() {
        return limited(CacheServiceGrpc.newBlockingStub(channel));
    }

    public FileServiceBlockingStub files() {
        return limited(FileServiceGrpc.newBlockingStub(channel));
    }

    public ModelServiceBlockingStub models() {
        return limited(ModelServiceGrpc.newBlockingStub(channel));
    }

    private <S extends AbstractStub<S>> S limited(S stub) {
        return stub.withDeadlineAfter(timeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Calls that still run get a few seconds to end. */
    @Override
    public void close() {
        owned.shutdown();
        try {
            if (!owned.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                owned.shutdownNow();
            }
        } catch (InterruptedException e) {
            owned.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
