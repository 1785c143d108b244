import com.google.genai.Client;
import com.google.genai.types.HttpOptions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.springframework.ai.chat.messages.Message;
import org.springframework.ai.chat.messages.SystemMessage;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.content.Media;
import org.springframework.ai.google.genai.GoogleGenAiChatModel;
import org.springframework.ai.google.genai.GoogleGenAiChatOptions;
import org.springframework.core.io.FileSystemResource;
import org.springframework.util.MimeType;

/** Spring AI's Gemini model, unmodified: {@code java -cp CLASS-PATH SpringAi.java [CASE ...]}. */
final class SpringAi {
    private static final GoogleGenAiChatModel CHAT = chat(Report.KEY);

    private static GoogleGenAiChatModel chat(String key) {
        return GoogleGenAiChatModel.builder()
                .genAiClient(Client.builder()
                        .apiKey(key)
                        .vertexAI(false)
                        .httpOptions(HttpOptions.builder().baseUrl(Report.URL).build())
                        .build())
                .build();
    }

    private static GoogleGenAiChatOptions.Builder options() {
        var options = GoogleGenAiChatOptions.builder();
        options.model(Report.MODEL);
        options.temperature(0.0);
        options.maxOutputTokens(8);
        return options;
    }

    private static ChatResponse ask(GoogleGenAiChatModel model, GoogleGenAiChatOptions options, Message... messages) {
        return model.call(new Prompt(List.of(messages), options));
    }

    private static ChatResponse ask(Message... messages) {
        return checked(ask(CHAT, options().build(), messages));
    }

    private static String words(ChatResponse answer) {
        var text = answer.getResult().getOutput().getText();
        return text == null ? "" : text;
    }

    private static ChatResponse checked(ChatResponse answer) {
        var usage = answer.getMetadata().getUsage();
        Report.check(!words(answer).isEmpty(), answer);
        Report.check(usage.getTotalTokens() == usage.getPromptTokens() + usage.getCompletionTokens(), usage);
        return answer;
    }

    private static int prompt(ChatResponse answer) {
        return answer.getMetadata().getUsage().getPromptTokens();
    }

    private static void streamed() {
        var question = new UserMessage(Report.FACT + Report.QUESTION);
        var whole = words(ask(question));
        var pieces = CHAT.stream(new Prompt(List.of(question), options().build())).collectList().block();
        var text = new StringBuilder();
        pieces.forEach(piece -> text.append(piece.getResult() == null ? "" : words(piece)));
        Report.check(pieces.size() > 1 && text.toString().equals(whole), text);
    }

    private static void conversation() {
        var name = new UserMessage("My name is Ada.");
        var first = ask(name);
        var second = ask(name, first.getResult().getOutput(), new UserMessage("What is my name?"));
        Report.check(prompt(second) > prompt(first), second);
    }

    private static void system() {
        var question = new UserMessage(Report.QUESTION);
        var told = ask(new SystemMessage("Answer with one word. " + Report.FACT), question);
        Report.check(!words(told).equals(words(ask(question))), told);
    }

    /** The client drops the grounding, so what is checked is that the prompt holds what was read. */
    private static void about(String name, String type, String question) {
        var media = new Media(MimeType.valueOf(type), new FileSystemResource(Report.media(name)));
        var answer = ask(UserMessage.builder().text(question).media(media).build());
        Report.check(prompt(answer) > prompt(ask(new UserMessage(question))) + 3, answer);
    }

    private static void jsonSchema() {
        var options = options();
        options.maxOutputTokens(80);
        options.responseMimeType("application/json");
        options.responseSchema("""
                {"type": "OBJECT", "required": ["name", "year"],
                 "properties": {"name": {"type": "STRING", "maxLength": 20}, "year": {"type": "INTEGER"}}}""");
        var answer = ask(
                CHAT,
                options.build(),
                new UserMessage("The Aurora was built in 1904. Describe the ship as JSON."));
        Report.check(words(answer).matches("(?s)\\s*\\{.*\"year\"\\s*:\\s*-?\\d+.*}\\s*"), words(answer));
        Report.check(words(answer).contains("\"name\""), words(answer));
    }

    public static void main(String[] args) {
        Map<String, Report.Case> cases = new HashMap<>();
        cases.put("generate", () -> ask(new UserMessage(Report.FACT + Report.QUESTION)));
        cases.put("stream", SpringAi::streamed);
        cases.put("chat", SpringAi::conversation);
        cases.put("system_instruction", SpringAi::system);
        cases.put("image", () -> about("sign.png", "image/png", "Where does it go?"));
        cases.put("audio", () -> about("speech.mp3", "audio/mp3", "Who is spoken to?"));
        cases.put("video", () -> about("clip.mp4", "video/mp4", "Who is the speaker?"));
        cases.put("pdf", () -> about("notice.pdf", "application/pdf", "Who is the harbour master?"));
        cases.put("json_schema", SpringAi::jsonSchema);
        cases.put(
                "error_bad_key",
                () -> Report.checkRefused(
                        () -> ask(chat("wrong"), options().build(), new UserMessage("Hi")), "API key"));
        cases.put("error_bad_model", () -> {
            var options = options();
            options.model("no-such-model");
            Report.checkRefused(() -> ask(CHAT, options.build(), new UserMessage("Hi")), "no-such-model");
        });
        cases.put(
                "error_quota",
                () -> Report.checkRefused(
                        () -> {
                            var limited = chat(Report.LIMITED_KEY);
                            ask(limited, options().build(), new UserMessage("Hi"));
                            ask(limited, options().build(), new UserMessage("Hi"));
                        },
                        "429"));
        cases.put(
                "error_too_long", () -> Report.checkRefused(() -> ask(new UserMessage(Report.TOO_LONG)), "400"));
        Report.run("org.springframework.ai:spring-ai-google-genai", System.getenv("CLIENT_VERSION"), cases, args);
    }
}
