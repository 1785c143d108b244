import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.AudioContent;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.PdfFileContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.message.VideoContent;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.googleai.GeminiFiles;
import dev.langchain4j.model.googleai.GoogleAiEmbeddingModel;
import dev.langchain4j.model.googleai.GoogleAiGeminiChatModel;
import dev.langchain4j.model.googleai.GoogleAiGeminiStreamingChatModel;
import dev.langchain4j.model.googleai.GoogleAiGeminiTokenCountEstimator;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** LangChain4j's Gemini models, unmodified: {@code java -cp CLASS-PATH LangChain4j.java [CASE ...]}. */
final class LangChain4j {
    private static final String BASE = Report.URL + "/v1beta";
    private static final GoogleAiGeminiChatModel CHAT = chat(Report.KEY, Report.MODEL);

    private static GoogleAiGeminiChatModel chat(String key, String model) {
        return GoogleAiGeminiChatModel.builder()
                .baseUrl(BASE)
                .apiKey(key)
                .modelName(model)
                .temperature(0.0)
                .maxOutputTokens(8)
                .maxRetries(0)
                .build();
    }

    private static ChatResponse checked(ChatResponse answer) {
        var usage = answer.tokenUsage();
        Report.check(!answer.aiMessage().text().isEmpty() && answer.finishReason() != null, answer);
        Report.check(usage.totalTokenCount() == usage.inputTokenCount() + usage.outputTokenCount(), usage);
        return answer;
    }

    private static ChatResponse ask(String text) {
        return checked(CHAT.chat(UserMessage.from(text)));
    }

    private static void streamed() throws Exception {
        var whole = ask(Report.FACT + Report.QUESTION);
        var model = GoogleAiGeminiStreamingChatModel.builder()
                .baseUrl(BASE)
                .apiKey(Report.KEY)
                .modelName(Report.MODEL)
                .temperature(0.0)
                .maxOutputTokens(8)
                .build();
        var pieces = new AtomicInteger();
        var done = new CompletableFuture<ChatResponse>();
        model.chat(Report.FACT + Report.QUESTION, new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String piece) {
                pieces.incrementAndGet();
            }

            @Override
            public void onCompleteResponse(ChatResponse answer) {
                done.complete(answer);
            }

            @Override
            public void onError(Throwable error) {
                done.completeExceptionally(error);
            }
        });
        var answer = done.get(60, TimeUnit.SECONDS);
        Report.check(pieces.get() > 1 && answer.aiMessage().text().equals(whole.aiMessage().text()), answer);
    }

    private static void conversation() {
        var first = ask("My name is Ada.");
        List<ChatMessage> turns =
                List.of(UserMessage.from("My name is Ada."), first.aiMessage(), UserMessage.from("What is my name?"));
        var second = checked(CHAT.chat(turns));
        Report.check(second.tokenUsage().inputTokenCount() > first.tokenUsage().inputTokenCount(), second);
    }

    private static void system() {
        var told = CHAT.chat(
                SystemMessage.from("Answer with one word. " + Report.FACT), UserMessage.from(Report.QUESTION));
        Report.check(!told.aiMessage().text().equals(ask(Report.QUESTION).aiMessage().text()), told);
    }

    /** The client drops the grounding, so what is checked is that the prompt holds what was read. */
    private static void about(Content content, String question) {
        var answer = checked(CHAT.chat(UserMessage.from(content, TextContent.from(question))));
        int alone = ask(question).tokenUsage().inputTokenCount();
        Report.check(answer.tokenUsage().inputTokenCount() > alone + 3, answer);
    }

    private static String base64(String name) throws Exception {
        return Base64.getEncoder().encodeToString(Report.bytes(name));
    }

    private static void files() throws Exception {
        var files = GeminiFiles.builder().apiKey(Report.KEY).baseUrl(Report.URL).build();
        var file = files.uploadFile(Report.media("notice.pdf"), "notice.pdf");
        while (file.isProcessing()) {
            Thread.sleep(200);
            file = files.getMetadata(file.name());
        }
        var name = file.name();
        Report.check(file.isActive() && files.listFiles().stream().anyMatch(each -> each.name().equals(name)), file);
        files.deleteFile(name);
        Report.checkRefused(() -> files.getMetadata(name), "404");
    }

    private static void countTokens() {
        var estimator = GoogleAiGeminiTokenCountEstimator.builder()
                .baseUrl(BASE)
                .apiKey(Report.KEY)
                .modelName(Report.MODEL)
                .build();
        int counted = estimator.estimateTokenCountInText(Report.FACT);
        Report.check(counted == ask(Report.FACT).tokenUsage().inputTokenCount(), counted);
    }

    private static void functionCalling() {
        var weather = ToolSpecification.builder()
                .name("get_weather")
                .description("Tells the weather in a city.")
                .parameters(JsonObjectSchema.builder()
                        .addStringProperty("city")
                        .required("city")
                        .build())
                .build();
        var question = UserMessage.from("What is the weather in Oslo?");
        var asked = CHAT.chat(ChatRequest.builder()
                .messages(question)
                .toolSpecifications(weather)
                .toolChoice(ToolChoice.REQUIRED)
                .maxOutputTokens(200)
                .build());
        var call = asked.aiMessage().toolExecutionRequests().getFirst();
        Report.check(call.name().equals("get_weather") && call.arguments().contains("city"), asked);
        List<ChatMessage> turns = List.of(
                question,
                AiMessage.from(call),
                ToolExecutionResultMessage.from(call, "clear, 12 degrees"));
        checked(CHAT.chat(ChatRequest.builder().messages(turns).build()));
    }

    private static void jsonSchema() {
        var ship = JsonObjectSchema.builder()
                .addEnumProperty("kind", List.of("ship", "train"))
                .addIntegerProperty("year")
                .required("kind", "year")
                .build();
        var answer = CHAT.chat(ChatRequest.builder()
                .messages(UserMessage.from("The ship Aurora was built in 1904. Describe it as JSON."))
                .responseFormat(ResponseFormat.builder()
                        .type(ResponseFormatType.JSON)
                        .jsonSchema(JsonSchema.builder().name("Vessel").rootElement(ship).build())
                        .build())
                .maxOutputTokens(80)
                .build());
        var text = answer.aiMessage().text();
        Report.check(text.matches("(?s)\\{.*\"(ship|train)\".*}") && text.matches("(?s).*\"year\"\\s*:\\s*-?\\d+.*"), text);
    }

    private static void embeddings() {
        var model = GoogleAiEmbeddingModel.builder()
                .baseUrl(BASE)
                .apiKey(Report.KEY)
                .modelName(Report.EMBEDDER)
                .build();
        var segments = Report.SENTENCES.stream().map(TextSegment::from).toList();
        Report.checkEmbeddings(model.embedAll(segments).content().stream()
                .map(each -> each.vector())
                .toList());
    }

    public static void main(String[] args) {
        Map<String, Report.Case> cases = new HashMap<>();
        cases.put("generate", () -> ask(Report.FACT + Report.QUESTION));
        cases.put("stream", LangChain4j::streamed);
        cases.put("chat", LangChain4j::conversation);
        cases.put("system_instruction", LangChain4j::system);
        cases.put("image", () -> about(ImageContent.from(base64("sign.png"), "image/png"), "Where does it go?"));
        cases.put("audio", () -> about(AudioContent.from(base64("speech.mp3"), "audio/mp3"), "Who is spoken to?"));
        cases.put("video", () -> about(VideoContent.from(base64("clip.mp4"), "video/mp4"), "Who is the speaker?"));
        cases.put("pdf", () -> about(PdfFileContent.from(base64("notice.pdf"), "application/pdf"), "Who is it?"));
        cases.put("files", LangChain4j::files);
        cases.put("count_tokens", LangChain4j::countTokens);
        cases.put("function_calling", LangChain4j::functionCalling);
        cases.put("json_schema", LangChain4j::jsonSchema);
        cases.put("embeddings", LangChain4j::embeddings);
        cases.put("error_bad_key", () -> Report.checkRefused(() -> chat("wrong", Report.MODEL).chat("Hi"), "API key"));
        cases.put(
                "error_bad_model",
                () -> Report.checkRefused(() -> chat(Report.KEY, "no-such-model").chat("Hi"), "no-such-model"));
        cases.put(
                "error_quota",
                () -> Report.checkRefused(
                        () -> {
                            var limited = chat(Report.LIMITED_KEY, Report.MODEL);
                            limited.chat("Hi");
                            limited.chat("Hi");
                        },
                        "RESOURCE_EXHAUSTED"));
        cases.put("error_too_long", () -> Report.checkRefused(() -> ask(Report.TOO_LONG), "INVALID_ARGUMENT"));
        cases.put("cached_content", LangChain4j::cachedContent);
        Report.run("dev.langchain4j:langchain4j-google-ai-gemini", System.getenv("CLIENT_VERSION"), cases, args);
    }

    /** The client makes caches from 1.20 on; earlier ones can only name one. */
    private static void cachedContent() throws Exception {
        Class<?> caches;
        try {
            caches = Class.forName("dev.langchain4j.model.googleai.GeminiCaches");
        } catch (ClassNotFoundException e) {
            throw new Report.NotApplicable("this version cannot make caches");
        }
        var builder = caches.getMethod("builder").invoke(null);
        builder.getClass().getMethod("baseUrl", String.class).invoke(builder, BASE);
        builder.getClass().getMethod("apiKey", String.class).invoke(builder, Report.KEY);
        var client = builder.getClass().getMethod("build").invoke(builder);
        var made = caches.getMethod("createCache", String.class, List.class)
                .invoke(client, Report.MODEL, List.of(UserMessage.from(Report.FACT.repeat(12))));
        var name = (String) made.getClass().getMethod("name").invoke(made);
        var cached = GoogleAiGeminiChatModel.builder()
                .baseUrl(BASE)
                .apiKey(Report.KEY)
                .modelName(Report.MODEL)
                .maxOutputTokens(8);
        cached.getClass().getMethod("cachedContentName", String.class).invoke(cached, name);
        var answer = checked(cached.build().chat(UserMessage.from(Report.QUESTION)));
        Report.check(answer.tokenUsage().inputTokenCount() > 100, answer);
        Report.check(caches.getMethod("listCaches").invoke(client).toString().contains(name), name);
        caches.getMethod("deleteCache", String.class).invoke(client, name);
        Report.checkRefused(() -> caches.getMethod("getCache", String.class).invoke(client, name), "404");
    }
}
