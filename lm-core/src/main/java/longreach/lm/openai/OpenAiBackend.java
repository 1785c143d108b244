package longreach.lm.openai;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import longreach.lm.backend.ModelBackend;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.Generation;
import longreach.lm.engine.Outcome;
import longreach.v1.Constraint;
import longreach.v1.ModelDescription;
import longreach.v1.Open;
import longreach.v1.RenderRequest;
import longreach.v1.RenderResponse;
import longreach.v1.Segment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A model behind an OpenAI-compatible server. Prompts are text; media reach it as text, as any model that reads text. */
public final class OpenAiBackend implements ModelBackend, AutoCloseable {
    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration ASK = Duration.ofSeconds(10);
    // English text in today's vocabularies; a message's own marks beside it.
    private static final int BYTES_PER_TOKEN = 4;
    private static final int TOKENS_PER_MESSAGE = 4;

    private static final Logger log = LoggerFactory.getLogger(OpenAiBackend.class);
    private static final JsonMapper JSON = JsonMapper.shared();

    private final OpenAiSettings settings;
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT)
            .build();
    private final ModelDescription description;
    private volatile boolean counts = true;

    public OpenAiBackend(OpenAiSettings settings) {
        this.settings = settings;
        int context = contextTokens().orElse(settings.contextTokens());
        description = ModelDescription.newBuilder()
                .setName(settings.model())
                .setDisplayName(settings.model())
                .setDescription("Served by an OpenAI-compatible server.")
                .setFamily("openai")
                .setDigest(ByteString.copyFrom(digest(settings)))
                .setContextTokens(context)
                .setOutputTokens(context)
                .setTemperature(1)
                .setTopP(1)
                .setPrecision("upstream")
                .build();
        log.info("model {}: served by {}, {} tokens of context", settings.model(), settings.baseUrl(), context);
    }

    private static byte[] digest(OpenAiSettings settings) {
        try {
            return MessageDigest.getInstance("SHA-256")
                    .digest((settings.baseUrl() + " " + settings.model()).getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** vLLM tells it in its list of models. */
    private OptionalInt contextTokens() {
        try {
            HttpResponse<String> response = http.send(
                    request(settings.at("/models")).timeout(ASK).GET().build(), HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() == 200) {
                for (JsonNode model : JSON.readTree(response.body()).path("data")) {
                    int length = model.path("max_model_len").intValue(0);
                    if (model.path("id").stringValue("").equals(settings.model()) && length > 0) {
                        return OptionalInt.of(length);
                    }
                }
            }
        } catch (IOException | JacksonException e) {
            // It may come up later; requests will tell.
            log.warn("{} does not answer yet: {}", settings.baseUrl(), e.toString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return OptionalInt.empty();
    }

    private HttpRequest.Builder request(URI uri) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri).header("Content-Type", "application/json");
        if (!settings.apiKey().isEmpty()) {
            request.header("Authorization", "Bearer " + settings.apiKey());
        }
        return request;
    }

    URI url() {
        return settings.baseUrl();
    }

    @Override
    public ModelDescription describe() {
        return description;
    }

    @Override
    public int softWidth() {
        return 0;
    }

    @Override
    public RenderResponse render(RenderRequest request) {
        List<Segment> segments = Conversation.segments(request, OpenAiBackend::estimate);
        OptionalInt counted = counted(segments);
        if (counted.isPresent()) {
            segments = scaled(segments, counted.getAsInt());
        }
        return RenderResponse.newBuilder()
                .addAllSegments(segments)
                .setTotalTokens(total(segments))
                .build();
    }

    /** Only the whole is counted; what each segment has of it stays an estimate. */
    private static List<Segment> scaled(List<Segment> segments, int total) {
        long estimated = total(segments);
        List<Segment> scaled = new ArrayList<>();
        long before = 0;
        for (Segment segment : segments) {
            long after = before + segment.getPlain().getTokenCount();
            // Differences of rounded sums: they add up to the total.
            int share = (int) (after * total / estimated - before * total / estimated);
            scaled.add(segment.toBuilder()
                    .setPlain(segment.getPlain().toBuilder().setTokenCount(share))
                    .build());
            before = after;
        }
        return scaled;
    }

    private static int estimate(String text) {
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        return (bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN + TOKENS_PER_MESSAGE;
    }

    private static int total(List<Segment> segments) {
        return segments.stream().mapToInt(s -> s.getPlain().getTokenCount()).reduce(0, Math::addExact);
    }

    /** vLLM counts conversations; servers that do not are asked once. */
    private OptionalInt counted(List<Segment> segments) {
        if (!counts) {
            return OptionalInt.empty();
        }
        var body = JSON.createObjectNode().put("model", settings.model());
        body.set("messages", Conversation.messages(segments));
        try {
            HttpResponse<String> response = http.send(
                    request(settings.beside("/tokenize"))
                            .timeout(ASK)
                            .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            int count = response.statusCode() == 200
                    ? JSON.readTree(response.body()).path("count").intValue(0)
                    : 0;
            if (count > 0) {
                return OptionalInt.of(count);
            }
            counts = false;
            log.info("{} does not count tokens of conversations: they are estimated", settings.baseUrl());
        } catch (IOException | JacksonException e) {
            log.debug("tokens not counted: {}", e.toString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return OptionalInt.empty();
    }

    @Override
    public Generation open(Open open, long deadlineNanos, AnswerSink sink) {
        String body = ChatRequest.of(open, settings).toString();
        boolean choice = open.getConstraint().getKindCase() == Constraint.KindCase.CHOICE;
        int estimated = total(open.getSegmentsList());
        var call = new OpenAiCall(
                sink, estimated, choice, deadlineNanos, settings.idle().toNanos());
        if (open.getMaxTokens() == 0) {
            // There is nothing to prefill ahead of time in another server.
            sink.want(0, List.of(), List.of());
            sink.done(nothing(estimated));
            return call;
        }
        call.start(
                http,
                request(settings.at("/chat/completions"))
                        .header("Accept", "text/event-stream")
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build());
        return call;
    }

    private static Outcome nothing(int prompt) {
        var receipt = new Outcome.Receipt(0, 0, 0, 0, 0, Map.of(), 0, 0, 0, 0, 0, "kept by the other server");
        return new Outcome(
                Outcome.Reason.PREFILLED,
                "",
                "",
                prompt,
                0,
                0,
                new int[] {0, prompt},
                new int[] {0, 0},
                List.of(),
                Outcome.Seen.everything(prompt),
                receipt);
    }

    /** Nothing is stored here. */
    @Override
    public void awaitStored(Duration most) {}

    @Override
    public void close() {
        http.close();
    }
}
