package longreach.gateway.rest;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Optional;
import longreach.gateway.answer.Answering;
import longreach.gateway.config.GatewayProperties;
import longreach.gateway.embed.Embeddings;
import longreach.gateway.error.ApiException;
import longreach.gateway.media.MediaKind;
import longreach.gateway.models.Models;
import longreach.gateway.openai.ChatAnswers;
import longreach.gateway.openai.ChatRequest;
import longreach.gateway.openai.EmbeddingRequest;
import longreach.gateway.openai.Transcript;
import longreach.gateway.request.Requests;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.gemini.v1beta.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** OpenAI's routes, over the same implementation as Gemini's. */
@RestController
@RequestMapping({"/openai/v1", "/v1beta/openai"})
class OpenAiController {
    /** A form's text fields are short words. */
    private static final int MAX_FIELD_BYTES = 64 << 10;

    private final Answering answering;
    private final Embeddings embeddings;
    private final Models models;
    private final long maxBytes;
    private final boolean fetches;
    private final Clock clock = Clock.systemUTC();

    OpenAiController(Answering answering, Embeddings embeddings, Models models, GatewayProperties properties) {
        this.answering = answering;
        this.embeddings = embeddings;
        this.models = models;
        maxBytes = properties.limits().request().toBytes();
        fetches = properties.fetch().on();
    }

    @GetMapping("/models")
    void models(HttpServletResponse response) throws IOException {
        var data = new JsonArray();
        models.listed().forEach(model -> data.add(describe(model)));
        var out = new JsonObject();
        out.addProperty("object", "list");
        out.add("data", data);
        answer(response, out);
    }

    @GetMapping("/models/{name}")
    void model(@PathVariable("name") String name, HttpServletResponse response) throws IOException {
        answer(response, describe(models.get(name)));
    }

    private static JsonObject describe(Model model) {
        var out = new JsonObject();
        out.addProperty("id", model.getBaseModelId());
        out.addProperty("object", "model");
        out.addProperty("created", 0);
        out.addProperty("owned_by", "longreach");
        return out;
    }

    @PostMapping("/chat/completions")
    void chat(HttpServletRequest request, HttpServletResponse response) throws IOException {
        RestCall.within(request, () -> {
            var chat = ChatRequest.parse(Json.readObject(request, maxBytes), fetches);
            var answers = new ChatAnswers(chat.model(), clock);
            if (chat.stream()) {
                stream(chat, answers, request, response);
            } else {
                whole(chat, answers, request, response);
            }
        });
    }

    private void whole(ChatRequest chat, ChatAnswers answers, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        var caller = Disconnects.watch(request);
        var made = new ArrayList<GenerateContentResponse>();
        for (int i = 0; i < chat.choices(); i++) {
            made.add(answering.answer(chat.choice(i), RestCall.tenant(request), caller));
        }
        ReceiptHeader.set(response, made.getFirst().getLongreachReceipt());
        answer(response, answers.whole(made));
    }

    private void stream(
            ChatRequest chat, ChatAnswers answers, HttpServletRequest request, HttpServletResponse response) {
        var sink = new ChatSink(response, Disconnects.watch(request), answers);
        try {
            for (int i = 0; i < chat.choices(); i++) {
                sink.nextChoice();
                answering.stream(chat.choice(i), RestCall.tenant(request), sink);
                sink.choiceEnded();
            }
            sink.end(chat.streamUsage());
        } catch (RuntimeException | Error e) {
            if (!sink.begun()) {
                throw e;
            }
            sink.fail(e);
        }
    }

    @PostMapping("/embeddings")
    void embeddings(HttpServletRequest request, HttpServletResponse response) throws IOException {
        RestCall.within(request, () -> {
            var wanted = EmbeddingRequest.parse(Json.readObject(request, maxBytes));
            answer(
                    response,
                    wanted.answer(embeddings.embed(
                            wanted.model(), wanted.texts(), wanted.dimensions(), RestCall.tenant(request))));
        });
    }

    /** The form's fields, as far as they mean something here. */
    private static final class Form {
        String responseFormat = "";
        Optional<String> language = Optional.empty();
        String fileName = "";
        String mimeType = "";
        ByteString file = ByteString.EMPTY;
    }

    @PostMapping("/audio/transcriptions")
    void transcribe(HttpServletRequest request, HttpServletResponse response) throws IOException {
        RestCall.within(request, () -> {
            var form = form(request);
            var shape = Transcript.Form.of(form.responseFormat);
            if (form.file.isEmpty()) {
                throw ApiException.badField("file", "empty", "a recording");
            }
            var read = answering.read(
                    form.file, form.mimeType, form.fileName, RestCall.tenant(request), Disconnects.watch(request));
            var text = Transcript.of(read).as(shape, form.language);
            var bytes = text.getBytes(StandardCharsets.UTF_8);
            response.setContentType(shape.contentType());
            response.setContentLength(bytes.length);
            response.getOutputStream().write(bytes);
        });
    }

    private Form form(HttpServletRequest request) throws IOException {
        var type = request.getContentType() == null ? "" : request.getContentType();
        if (!type.toLowerCase(java.util.Locale.ROOT).startsWith("multipart/form-data")) {
            throw ApiException.badField("Content-Type", "another", "multipart/form-data");
        }
        var form = new Form();
        var body = new MultipartBody(request.getInputStream(), type);
        for (var part = body.nextOrNull(); part != null; part = body.nextOrNull()) {
            if (part.name().equals("file")) {
                var bytes = part.body().readNBytes((int) Math.min(maxBytes + 1, Integer.MAX_VALUE - 8));
                if (bytes.length > maxBytes) {
                    throw ApiException.badField("file", "more than " + maxBytes + " bytes", "at most " + maxBytes);
                }
                form.file = ByteString.copyFrom(bytes);
                form.fileName = part.fileName();
                form.mimeType = audioType(part);
                continue;
            }
            var value = new String(part.body().readNBytes(MAX_FIELD_BYTES), StandardCharsets.UTF_8);
            switch (part.name()) {
                case "response_format" -> form.responseFormat = value;
                case "language" -> form.language = Optional.of(value);
                case "timestamp_granularities[]", "timestamp_granularities" -> {
                    if (value.equals("word")) {
                        throw ApiException.badField("timestamp_granularities", "word", "segment");
                    }
                }
                case "stream" -> {
                    if (value.equals("true")) {
                        throw ApiException.badField("stream", true, "false; transcriptions come whole");
                    }
                }
                // A prompt, a temperature and the rest change nothing about this recogniser.
                default -> {}
            }
        }
        return form;
    }

    private static String audioType(MultipartBody.Part part) {
        var declared = Requests.mimeType(part.type());
        var kind = MediaKind.of(declared);
        var type = kind.isPresent()
                ? declared
                : MediaKind.typeByName(part.fileName()).orElse(declared);
        return switch (MediaKind.of(type).orElse(MediaKind.DOCUMENT)) {
            case AUDIO, VIDEO -> type;
            case IMAGE, DOCUMENT ->
                throw ApiException.badField("file", type.isEmpty() ? "of no type" : type, "a recording or a video");
        };
    }

    private static void answer(HttpServletResponse response, JsonObject json) throws IOException {
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.oneLine(json.toString()));
    }
}
