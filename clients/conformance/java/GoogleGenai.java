import static java.util.stream.StreamSupport.stream;

import com.google.genai.Client;
import com.google.genai.gaos.models.interactions.CreateModelInteraction;
import com.google.genai.gaos.models.interactions.GenerationConfig;
import com.google.genai.gaos.models.interactions.Interaction;
import com.google.genai.gaos.models.interactions.InteractionsInput;
import com.google.genai.gaos.models.operations.CreateInteractionRequestBody;
import com.google.genai.gaos.models.operations.GetInteractionByIdRequest;
import com.google.genai.types.Content;
import com.google.genai.types.CreateCachedContentConfig;
import com.google.genai.types.File;
import com.google.genai.types.FunctionCallingConfig;
import com.google.genai.types.FunctionDeclaration;
import com.google.genai.types.GenerateContentConfig;
import com.google.genai.types.GenerateContentResponse;
import com.google.genai.types.HttpOptions;
import com.google.genai.types.ListCachedContentsConfig;
import com.google.genai.types.ListFilesConfig;
import com.google.genai.types.Part;
import com.google.genai.types.Schema;
import com.google.genai.types.Tool;
import com.google.genai.types.ToolConfig;
import com.google.genai.types.UpdateCachedContentConfig;
import com.google.genai.types.UploadFileConfig;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Google's Java SDK, unmodified: {@code java -cp CLASS-PATH-OF-THE-SDK GoogleGenai.java [CASE ...]}. */
final class GoogleGenai {
    private static final Client CLIENT = connect(Report.KEY);

    private static Client connect(String key) {
        return Client.builder()
                .apiKey(key)
                .vertexAI(false)
                .httpOptions(HttpOptions.builder().baseUrl(Report.URL).build())
                .build();
    }

    private static GenerateContentConfig.Builder config() {
        return GenerateContentConfig.builder().temperature(0f).maxOutputTokens(8);
    }

    private static GenerateContentResponse ask(List<Content> contents, GenerateContentConfig.Builder config) {
        return CLIENT.models.generateContent(Report.MODEL, contents, config.build());
    }

    private static GenerateContentResponse ask(String text, GenerateContentConfig.Builder config) {
        return CLIENT.models.generateContent(Report.MODEL, text, config.build());
    }

    private static int prompt(GenerateContentResponse answer) {
        return answer.usageMetadata().get().promptTokenCount().get();
    }

    private static void checkAnswer(GenerateContentResponse answer) {
        var usage = answer.usageMetadata().get();
        Report.check(!answer.text().isEmpty(), answer);
        Report.check(
                usage.totalTokenCount().get()
                        == usage.promptTokenCount().get() + usage.candidatesTokenCount().get(),
                usage);
    }

    private static void streamed() {
        var whole = ask(Report.FACT + Report.QUESTION, config());
        var text = new StringBuilder();
        int pieces = 0;
        try (var answer = CLIENT.models.generateContentStream(
                Report.MODEL, Report.FACT + Report.QUESTION, config().build())) {
            for (var piece : answer) {
                text.append(piece.text() == null ? "" : piece.text());
                pieces++;
            }
        }
        Report.check(pieces > 1 && text.toString().equals(whole.text()), text);
    }

    private static void chat() {
        var talk = CLIENT.chats.create(Report.MODEL, config().build());
        var first = talk.sendMessage("My name is Ada.");
        var second = talk.sendMessage("What is my name?");
        checkAnswer(second);
        Report.check(prompt(second) > prompt(first) && talk.getHistory(false).size() == 4, second);
    }

    private static void system() {
        var told = ask(
                Report.QUESTION,
                config().systemInstruction(Content.fromParts(Part.fromText("Answer with one word. " + Report.FACT))));
        Report.check(!told.text().equals(ask(Report.QUESTION, config()).text()), told);
    }

    private static void about(String name, String type, String question, String expected, String modality)
            throws Exception {
        var contents = List.of(Content.fromParts(Part.fromBytes(Report.bytes(name), type), Part.fromText(question)));
        var answer = ask(contents, config().maxOutputTokens(16));
        checkAnswer(answer);
        Report.check(answer.toJson().contains(expected), answer.toJson());
        Report.check(
                answer.usageMetadata().get().promptTokensDetails().get().stream()
                        .anyMatch(each -> each.modality().get().toString().equals(modality)),
                answer.usageMetadata());
        int counted = CLIENT.models.countTokens(Report.MODEL, contents, null).totalTokens().get();
        Report.check(counted == prompt(answer), counted);
    }

    private static File uploaded(String name, String type) throws InterruptedException {
        var file = CLIENT.files.upload(
                Report.media(name).toString(), UploadFileConfig.builder().mimeType(type).build());
        while (file.state().get().toString().equals("PROCESSING")) {
            Thread.sleep(200);
            file = CLIENT.files.get(file.name().get(), null);
        }
        Report.check(file.state().get().toString().equals("ACTIVE"), file);
        return file;
    }

    private static void video() throws InterruptedException {
        var file = uploaded("clip.mp4", "video/mp4");
        var part = Part.fromUri(file.uri().get(), file.mimeType().get());
        var answer = ask(List.of(Content.fromParts(part, Part.fromText("Who is the speaker?"))), config());
        checkAnswer(answer);
        Report.check(answer.toJson().contains("Kennedy"), answer.toJson());
        CLIENT.files.delete(file.name().get(), null);
    }

    private static void files() throws InterruptedException {
        var file = uploaded("notice.pdf", "application/pdf");
        var listed = CLIENT.files.list(ListFilesConfig.builder().pageSize(1).build());
        Report.check(stream(listed.spliterator(), false).anyMatch(each -> each.name().equals(file.name())), file);
        CLIENT.files.delete(file.name().get(), null);
        Report.checkRefused(() -> CLIENT.files.get(file.name().get(), null), "404");
    }

    private static void countTokens() {
        var counted = CLIENT.models.countTokens(Report.MODEL, Report.FACT, null);
        Report.check(counted.totalTokens().get() == prompt(ask(Report.FACT, config())), counted);
    }

    private static void cachedContent() {
        var cache = CLIENT.caches.create(
                Report.MODEL,
                CreateCachedContentConfig.builder()
                        .contents(Content.fromParts(Part.fromText(Report.FACT.repeat(12))))
                        .displayName("light")
                        .ttl(Duration.ofMinutes(5))
                        .build());
        var name = cache.name().get();
        var answer = ask(Report.QUESTION, config().cachedContent(name));
        Report.check(answer.usageMetadata().get().cachedContentTokenCount().get() > 100, answer);
        Report.check(CLIENT.caches.get(name, null).displayName().get().equals("light"), cache);
        var listed = CLIENT.caches.list(ListCachedContentsConfig.builder().build());
        Report.check(stream(listed.spliterator(), false).anyMatch(each -> each.name().get().equals(name)), name);
        var longer = CLIENT.caches.update(
                name, UpdateCachedContentConfig.builder().ttl(Duration.ofHours(2)).build());
        Report.check(longer.expireTime().get().isAfter(cache.expireTime().get()), longer);
        CLIENT.caches.delete(name, null);
        Report.checkRefused(() -> CLIENT.caches.get(name, null), "404");
    }

    private static void functionCalling() {
        var city = Schema.builder().type("STRING").maxLength(30L).build();
        var weather = FunctionDeclaration.builder()
                .name("get_weather")
                .description("Tells the weather in a city.")
                .parameters(Schema.builder().type("OBJECT").properties(Map.of("city", city)).required("city"))
                .build();
        var tool = Tool.builder().functionDeclarations(weather).build();
        var question = Content.builder().role("user").parts(Part.fromText("What is the weather in Oslo?")).build();
        var asked = ask(List.of(question), config().tools(tool).toolConfig(mode("ANY")).maxOutputTokens(80));
        var call = asked.functionCalls().getFirst();
        Report.check(call.name().get().equals("get_weather") && call.args().get().get("city") instanceof String, asked);
        var result = Content.builder()
                .role("user")
                .parts(Part.fromFunctionResponse("get_weather", new HashMap<>(Map.of("sky", "clear"))))
                .build();
        var turns = List.of(question, asked.candidates().get().getFirst().content().get(), result);
        checkAnswer(ask(turns, config().tools(tool).toolConfig(mode("NONE"))));
    }

    private static ToolConfig mode(String mode) {
        return ToolConfig.builder()
                .functionCallingConfig(FunctionCallingConfig.builder().mode(mode))
                .build();
    }

    private static void jsonSchema() {
        var schema = Schema.builder()
                .type("OBJECT")
                .properties(Map.of(
                        "name", Schema.builder().type("STRING").maxLength(20L).build(),
                        "year", Schema.builder().type("INTEGER").build()))
                .required("name", "year");
        var answer = ask(
                "The Aurora was built in 1904. Describe the ship as JSON.",
                config().maxOutputTokens(80).responseMimeType("application/json").responseSchema(schema));
        Report.check(
                answer.text().strip().matches("(?s)\\{.*\"name\"\\s*:\\s*\".*\"year\"\\s*:\\s*-?\\d+\\s*}")
                        || answer.text().strip().matches("(?s)\\{\\s*\"year\"\\s*:\\s*-?\\d+.*\"name\".*}"),
                answer.text());
    }

    private static void embeddings() {
        var made = CLIENT.models.embedContent(Report.EMBEDDER, Report.SENTENCES, null);
        Report.checkEmbeddings(made.embeddings().get().stream()
                .map(each -> {
                    var values = each.values().get();
                    var out = new float[values.size()];
                    for (int i = 0; i < out.length; i++) {
                        out[i] = values.get(i);
                    }
                    return out;
                })
                .toList());
    }

    private static Interaction interact(String text, String after) {
        var asked = CreateModelInteraction.builder()
                .model(Report.MODEL)
                .input(InteractionsInput.of(text))
                .generationConfig(GenerationConfig.builder().maxOutputTokens(8).build());
        if (after != null) {
            asked.previousInteractionId(after);
        }
        return CLIENT.interactions
                .create(CreateInteractionRequestBody.of(asked.build()))
                .interaction()
                .get();
    }

    private static void interactions() {
        var first = interact("My name is Ada.", null);
        var second = interact("What is my name?", first.id().get());
        Report.check(
                second.usage().get().totalInputTokens().get()
                        > first.usage().get().totalInputTokens().get(),
                second);
        CLIENT.interactions.delete(second.id().get());
        var again = GetInteractionByIdRequest.builder().id(second.id().get()).build();
        Report.checkRefused(() -> CLIENT.interactions.get(again), "404");
    }

    private static void once(Client client, String model, String text) {
        client.models.generateContent(model, text, config().maxOutputTokens(1).build());
    }

    private static void quota() {
        try (var limited = connect(Report.LIMITED_KEY)) {
            Report.checkRefused(
                    () -> {
                        once(limited, Report.MODEL, "Hello");
                        once(limited, Report.MODEL, "Hello");
                    },
                    "429");
        }
    }

    public static void main(String[] args) {
        Map<String, Report.Case> cases = new HashMap<>();
        cases.put("generate", () -> checkAnswer(ask(Report.FACT + Report.QUESTION, config())));
        cases.put("stream", GoogleGenai::streamed);
        cases.put("chat", GoogleGenai::chat);
        cases.put("system_instruction", GoogleGenai::system);
        cases.put("image", () -> about("sign.png", "image/png", "Where does the train go?", "Velmora", "IMAGE"));
        cases.put("audio", () -> about("speech.mp3", "audio/mpeg", "Who is spoken to?", "Americans", "AUDIO"));
        cases.put(
                "pdf",
                () -> about("notice.pdf", "application/pdf", "Who is the harbour master?", "Solberg", "DOCUMENT"));
        cases.put("video", GoogleGenai::video);
        cases.put("files", GoogleGenai::files);
        cases.put("count_tokens", GoogleGenai::countTokens);
        cases.put("cached_content", GoogleGenai::cachedContent);
        cases.put("function_calling", GoogleGenai::functionCalling);
        cases.put("json_schema", GoogleGenai::jsonSchema);
        cases.put("embeddings", GoogleGenai::embeddings);
        cases.put("interactions", GoogleGenai::interactions);
        cases.put("error_bad_key", () -> Report.checkRefused(() -> once(connect("wrong"), Report.MODEL, "Hi"), "400"));
        cases.put(
                "error_bad_model",
                () -> Report.checkRefused(() -> once(CLIENT, "no-such-model", "Hi"), "404", "no-such-model"));
        cases.put("error_quota", GoogleGenai::quota);
        cases.put(
                "error_too_long", () -> Report.checkRefused(() -> once(CLIENT, Report.MODEL, Report.TOO_LONG), "400"));
        Report.run("com.google.genai:google-genai", System.getenv("CLIENT_VERSION"), cases, args);
    }
}
