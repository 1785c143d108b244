package longreach.gateway.request;

import static longreach.gateway.error.ApiException.badField;

import com.google.protobuf.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import longreach.gateway.error.ApiException;
import longreach.gateway.request.GenerateRequest.RequestTurn;
import longreach.gateway.request.GenerateRequest.SamplingChoice;
import longreach.gateway.request.RequestPart.CallPart;
import longreach.gateway.request.RequestPart.ResultPart;
import longreach.gemini.v1beta.CachedContent;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.CountTokensRequest;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.GenerationConfig;
import longreach.gemini.v1beta.HarmCategory;
import longreach.gemini.v1beta.Part;
import longreach.gemini.v1beta.SafetySetting;
import longreach.gemini.v1beta.ThinkingConfig;
import longreach.gemini.v1beta.VideoMetadata;
import longreach.v1.ContextUse;
import longreach.v1.MediaOptions;
import longreach.v1.Turn;

/** Checks public requests and turns them into records. Every message names the field, its value and its range. */
public final class Requests {
    private static final String MODELS = "models/";
    private static final int MAX_STOP_SEQUENCES = 16;
    private static final int MAX_STOP_CHARS = 256;
    private static final int MAX_PARTS = 3600;
    private static final int MAX_LOGPROBS = 20;
    private static final int MAX_CANDIDATES = 8;
    private static final int MAX_BLOCKS = 64;
    private static final List<String> SELECTORS = List.of("", "fused", "embedding", "lexical", "none");
    private static final double MAX_FPS = 24;
    private static final int MAX_THINKING = 24_576;
    private static final Pattern WEB = Pattern.compile("(?i)https?://");
    private static final Pattern FILE = Pattern.compile(
            "(?:https?://[^/\\s]+(?:/[^?#\\s]*)?/)?(files/[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)(?::download)?(?:[?#].*)?");

    private final long maxInlineBytes;

    /** @param maxInlineBytes most decoded inline bytes of one request */
    public Requests(long maxInlineBytes) {
        this.maxInlineBytes = maxInlineBytes;
    }

    /** @throws ApiException INVALID_ARGUMENT or UNIMPLEMENTED, naming the field */
    public GenerateRequest parse(GenerateContentRequest proto) {
        checkSafety(proto.getSafetySettingsList());
        return new GenerateRequest(
                modelName(proto.getModel()),
                system(proto),
                turns(proto.getContentsList()),
                sampling(proto.getGenerationConfig()),
                maxOutput(proto.getGenerationConfig()),
                cachedContent(proto),
                form(proto),
                candidates(proto.getGenerationConfig()),
                context(proto),
                resolution(proto.getGenerationConfig()));
    }

    private static MediaOptions.Resolution resolution(GenerationConfig config) {
        return switch (config.getMediaResolution()) {
            case MEDIA_RESOLUTION_LOW -> MediaOptions.Resolution.LOW;
            case MEDIA_RESOLUTION_MEDIUM -> MediaOptions.Resolution.MEDIUM;
            case MEDIA_RESOLUTION_HIGH -> MediaOptions.Resolution.HIGH;
            case MEDIA_RESOLUTION_UNSPECIFIED, UNRECOGNIZED -> MediaOptions.Resolution.RESOLUTION_UNSPECIFIED;
        };
    }

    /** The beginning of later requests: what {@link #parse} checks, but turns may be none beside a system instruction. */
    public GenerateRequest parse(CachedContent proto) {
        var request =
                GenerateContentRequest.newBuilder().setModel(proto.getModel()).addAllTools(proto.getToolsList());
        if (proto.hasSystemInstruction()) {
            request.setSystemInstruction(proto.getSystemInstruction());
        }
        if (proto.hasToolConfig()) {
            request.setToolConfig(proto.getToolConfig());
        }
        var system = system(request.build());
        return new GenerateRequest(
                modelName(proto.getModel()),
                system,
                proto.getContentsCount() == 0 && !system.isEmpty() ? List.of() : turns(proto.getContentsList()),
                sampling(GenerationConfig.getDefaultInstance()),
                OptionalInt.empty(),
                Optional.empty(),
                form(request.build()),
                1,
                ContextUse.getDefaultInstance(),
                MediaOptions.Resolution.RESOLUTION_UNSPECIFIED);
    }

    /** The same request with the functions of the content that it goes on from. */
    public GenerateRequest parse(GenerateContentRequest proto, CachedContent functions) {
        var with = proto.toBuilder().addAllTools(functions.getToolsList());
        if (functions.hasToolConfig()) {
            with.setToolConfig(functions.getToolConfig());
        }
        var request = parse(proto);
        return new GenerateRequest(
                request.model(),
                request.system(),
                request.turns(),
                request.sampling(),
                request.maxOutputTokens(),
                request.cachedContent(),
                form(with.build()),
                request.candidates(),
                request.context(),
                request.resolution());
    }

    private static ContextUse context(GenerateContentRequest proto) {
        var asked = proto.getLongreachContext();
        var use = ContextUse.newBuilder();
        switch (asked.getMode()) {
            case "", "auto" -> use.setMode(ContextUse.Mode.AUTO);
            case "exact" -> use.setMode(ContextUse.Mode.EXACT);
            case "long" -> use.setMode(ContextUse.Mode.LONG);
            case "focus" -> use.setMode(ContextUse.Mode.FOCUS);
            default -> throw badField("longreachContext.mode", asked.getMode(), "auto, exact, long or focus");
        }
        if (!SELECTORS.contains(asked.getSelector())) {
            throw badField("longreachContext.selector", asked.getSelector(), "fused, embedding, lexical or none");
        }
        use.setSelector(asked.getSelector());
        if (asked.hasBlocks()) {
            if (asked.getBlocks() < 0 || asked.getBlocks() > MAX_BLOCKS) {
                throw badField("longreachContext.blocks", asked.getBlocks(), "0 to " + MAX_BLOCKS);
            }
            use.setBlocks(asked.getBlocks());
        }
        return use.build();
    }

    /** Counting takes either bare turns or a whole request. @return the request to be counted */
    public static GenerateContentRequest whole(CountTokensRequest proto) {
        if (!proto.hasGenerateContentRequest()) {
            return GenerateContentRequest.newBuilder()
                    .setModel(proto.getModel())
                    .addAllContents(proto.getContentsList())
                    .build();
        }
        if (proto.getContentsCount() > 0) {
            throw badField("contents", "set beside generateContentRequest", "one of the two");
        }
        var inner = proto.getGenerateContentRequest();
        return inner.getModel().isEmpty()
                ? inner.toBuilder().setModel(proto.getModel()).build()
                : inner;
    }

    /** @return the name without {@code models/} */
    public static String modelName(String name) {
        var bare = name.startsWith(MODELS) ? name.substring(MODELS.length()) : name;
        if (bare.isEmpty()) {
            throw badField("model", "empty", "models/NAME, as GET models lists them");
        }
        return bare;
    }

    /** What the cached prompt begins with cannot be said again behind it. */
    private static Optional<String> cachedContent(GenerateContentRequest proto) {
        if (proto.getCachedContent().isEmpty()) {
            return Optional.empty();
        }
        if (proto.hasSystemInstruction() || proto.getToolsCount() > 0 || proto.hasToolConfig()) {
            throw ApiException.invalid("CachedContent can not be used with GenerateContent request setting"
                    + " system_instruction, tools or tool_config (expected: those values in the CachedContent)");
        }
        return Optional.of(proto.getCachedContent());
    }

    private static List<String> system(GenerateContentRequest proto) {
        if (!proto.hasSystemInstruction()) {
            return List.of();
        }
        var texts = new ArrayList<String>();
        var parts = proto.getSystemInstruction().getPartsList();
        for (int i = 0; i < parts.size(); i++) {
            if (parts.get(i).getDataCase() != Part.DataCase.TEXT) {
                throw badField(
                        "systemInstruction.parts[" + i + "]", parts.get(i).getDataCase(), "text");
            }
            if (!parts.get(i).getText().isEmpty()) {
                texts.add(parts.get(i).getText());
            }
        }
        return texts;
    }

    private List<RequestTurn> turns(List<Content> contents) {
        if (contents.isEmpty()) {
            throw badField("contents", "empty", "at least one turn");
        }
        var turns = new ArrayList<RequestTurn>();
        var inline = new InlineBudget();
        int parts = 0;
        boolean something = false;
        for (int i = 0; i < contents.size(); i++) {
            var content = contents.get(i);
            var path = "contents[" + i + "]";
            var role = role(content.getRole(), path);
            if (content.getPartsCount() == 0) {
                throw badField(path + ".parts", "empty", "at least one part");
            }
            parts += content.getPartsCount();
            if (parts > MAX_PARTS) {
                throw badField("contents", "more than " + MAX_PARTS + " parts", "at most " + MAX_PARTS);
            }
            var checked = new ArrayList<RequestPart>();
            for (int j = 0; j < content.getPartsCount(); j++) {
                checked.add(part(content.getParts(j), path + ".parts[" + j + "]", inline));
            }
            something |= checked.stream()
                    .anyMatch(part -> !(part instanceof RequestPart.TextPart text)
                            || !text.text().isBlank());
            checkSides(role, checked, path);
            append(turns, role, checked);
        }
        if (!something) {
            throw badField("contents", "only blank text", "some text or media");
        }
        return turns;
    }

    /** The model calls, and the caller answers. */
    private static void checkSides(Turn.Role role, List<RequestPart> parts, String path) {
        for (int i = 0; i < parts.size(); i++) {
            boolean model = role == Turn.Role.MODEL;
            if (model ? parts.get(i) instanceof ResultPart : parts.get(i) instanceof CallPart) {
                throw badField(
                        path + ".parts[" + i + "]",
                        model ? "functionResponse" : "functionCall",
                        "calls in turns of the model, responses in the user's");
            }
        }
    }

    /** Chat templates alternate, so neighbours of one role become one turn. */
    private static void append(List<RequestTurn> turns, Turn.Role role, List<RequestPart> parts) {
        if (turns.isEmpty() || turns.getLast().role() != role) {
            turns.add(new RequestTurn(role, parts));
            return;
        }
        var joined = new ArrayList<>(turns.removeLast().parts());
        joined.addAll(parts);
        turns.add(new RequestTurn(role, joined));
    }

    private static Turn.Role role(String role, String path) {
        return switch (role) {
            // Some clients send what functions returned under the role "function".
            case "", "user", "function" -> Turn.Role.USER;
            case "model" -> Turn.Role.MODEL;
            default -> throw badField(path + ".role", '"' + shorten(role) + '"', "\"user\" or \"model\"");
        };
    }

    private RequestPart part(Part part, String path, InlineBudget inline) {
        var options = options(part, path);
        return switch (part.getDataCase()) {
            case TEXT -> new RequestPart.TextPart(part.getText());
            case INLINE_DATA -> {
                var blob = part.getInlineData();
                if (blob.getData().isEmpty()) {
                    throw badField(path + ".inlineData.data", "empty", "the base64 of at least one byte");
                }
                if (blob.getMimeType().isBlank()) {
                    throw badField(path + ".inlineData.mimeType", "empty", "a media type such as image/png");
                }
                inline.add(blob.getData().size(), path);
                yield new RequestPart.MediaPart(
                        path,
                        mimeType(blob.getMimeType()),
                        new MediaSource.Inline(++inline.count, blob.getData()),
                        options);
            }
            case FILE_DATA -> {
                var data = part.getFileData();
                yield new RequestPart.MediaPart(
                        path,
                        mimeType(data.getMimeType()),
                        source(data.getFileUri(), path + ".fileData.fileUri"),
                        options);
            }
            case FUNCTION_CALL -> new CallPart(Tools.call(part.getFunctionCall(), path));
            case FUNCTION_RESPONSE -> new ResultPart(Tools.result(part.getFunctionResponse(), path));
            case EXECUTABLE_CODE, CODE_EXECUTION_RESULT ->
                throw ApiException.unimplemented(
                        path + ": " + part.getDataCase().name().toLowerCase(Locale.ROOT)
                                + " (expected: text, inlineData, fileData, functionCall or functionResponse)");
            case DATA_NOT_SET -> throw badField(path, "empty", "text, inlineData or fileData");
        };
    }

    private final class InlineBudget {
        private long bytes;
        private int count;

        void add(int more, String path) {
            bytes += more;
            if (bytes > maxInlineBytes) {
                throw badField(
                        path + ".inlineData.data",
                        bytes + " bytes of inline media so far",
                        "at most " + maxInlineBytes + " in one request; upload larger media as files");
            }
        }
    }

    /** A file uploaded here, or a web address, which whoever fetches it checks. */
    private static MediaSource source(String uri, String path) {
        return isElsewhere(uri) ? new MediaSource.Remote(uri) : new MediaSource.Uploaded(fileName(uri, path));
    }

    /** Whether it is a web address that is none of a file uploaded here. */
    public static boolean isElsewhere(String uri) {
        return WEB.matcher(uri).lookingAt() && !FILE.matcher(uri).matches();
    }

    /** @return {@code files/ID} of a name or an address of this server's files */
    public static String fileName(String uri, String path) {
        var match = FILE.matcher(uri);
        if (!match.matches()) {
            throw badField(path, '"' + shorten(uri) + '"', "a file uploaded here: files/NAME or its uri");
        }
        return match.group(1);
    }

    /** Lower case, without parameters. */
    public static String mimeType(String type) {
        int end = type.indexOf(';');
        return (end < 0 ? type : type.substring(0, end)).strip().toLowerCase(Locale.ROOT);
    }

    private static MediaOptions options(Part part, String path) {
        if (!part.hasVideoMetadata()) {
            return MediaOptions.getDefaultInstance();
        }
        VideoMetadata video = part.getVideoMetadata();
        var at = path + ".videoMetadata";
        double fps = video.getFps();
        if (!(fps == 0 || fps > 0 && fps <= MAX_FPS)) {
            throw badField(at + ".fps", fps, "0 < fps <= " + (int) MAX_FPS);
        }
        long start = millis(video.getStartOffset(), at + ".startOffset");
        long end = millis(video.getEndOffset(), at + ".endOffset");
        if (video.hasEndOffset() && end <= start) {
            throw badField(at + ".endOffset", end / 1000.0 + "s", "after startOffset, " + start / 1000.0 + "s");
        }
        return MediaOptions.newBuilder()
                .setFps(fps)
                .setStartMs(start)
                .setEndMs(end)
                .build();
    }

    private static long millis(Duration duration, String path) {
        if (duration.getSeconds() < 0 || duration.getNanos() < 0 || duration.getSeconds() > 1_000_000) {
            throw badField(path, duration.getSeconds() + "s", "0s <= offset <= 1000000s");
        }
        return duration.getSeconds() * 1000 + duration.getNanos() / 1_000_000;
    }

    private static SamplingChoice sampling(GenerationConfig config) {
        if (config.getMediaResolution() == GenerationConfig.MediaResolution.UNRECOGNIZED) {
            throw badField("generationConfig.mediaResolution", config.getMediaResolutionValue(), "LOW, MEDIUM or HIGH");
        }
        for (var modality : config.getResponseModalitiesList()) {
            if (modality != GenerationConfig.Modality.TEXT) {
                throw badField("generationConfig.responseModalities", modality, "TEXT");
            }
        }
        return new SamplingChoice(
                config.hasTemperature() ? temperature(config.getTemperature()) : null,
                config.hasTopP() ? topP(config.getTopP()) : null,
                config.hasTopK() ? topK(config.getTopK()) : null,
                config.hasSeed() ? config.getSeed() : null,
                penalty("presencePenalty", config.getPresencePenalty()),
                penalty("frequencyPenalty", config.getFrequencyPenalty()),
                stop(config.getStopSequencesList()),
                logprobs(config));
    }

    private static int candidates(GenerationConfig config) {
        int count = config.hasCandidateCount() ? config.getCandidateCount() : 1;
        if (count < 1 || count > MAX_CANDIDATES) {
            throw badField("generationConfig.candidateCount", count, "1 <= candidateCount <= " + MAX_CANDIDATES);
        }
        return count;
    }

    /** Nothing is filtered here, whatever they say; what they say must make sense. */
    private static void checkSafety(List<SafetySetting> settings) {
        var seen = EnumSet.noneOf(HarmCategory.class);
        for (int i = 0; i < settings.size(); i++) {
            var path = "safetySettings[" + i + "]";
            var category = settings.get(i).getCategory();
            if (settings.get(i).getThreshold() == SafetySetting.HarmBlockThreshold.UNRECOGNIZED) {
                throw badField(
                        path + ".threshold",
                        settings.get(i).getThresholdValue(),
                        "a threshold from BLOCK_LOW_AND_ABOVE");
            }
            boolean known = category != HarmCategory.HARM_CATEGORY_UNSPECIFIED && category != HarmCategory.UNRECOGNIZED;
            if (known && !seen.add(category)) {
                throw badField(path + ".category", category, "one setting for each category");
            }
        }
    }

    private static GenerateRequest.Form form(GenerateContentRequest proto) {
        var config = proto.getGenerationConfig();
        var thinking = config.getThinkingConfig();
        if (thinking.hasThinkingBudget() && thinking.hasThinkingLevel()) {
            throw badField(
                    "generationConfig.thinkingConfig.thinkingLevel", "set beside thinkingBudget", "one of the two");
        }
        int budget = thinking.hasThinkingBudget() ? thinking.getThinkingBudget() : budget(thinking);
        if (budget < -1 || budget > MAX_THINKING) {
            throw badField(
                    "generationConfig.thinkingConfig.thinkingBudget",
                    budget,
                    "-1 <= thinkingBudget <= " + MAX_THINKING);
        }
        return new GenerateRequest.Form(
                AnswerSchema.constraint(config), Tools.of(proto), budget, thinking.getIncludeThoughts());
    }

    private static int budget(ThinkingConfig thinking) {
        return switch (thinking.getThinkingLevel()) {
            case THINKING_LEVEL_UNSPECIFIED -> -1;
            case MINIMAL -> 0;
            case LOW -> MAX_THINKING / 24;
            case MEDIUM -> MAX_THINKING / 3;
            case HIGH, XHIGH -> MAX_THINKING;
            case UNRECOGNIZED ->
                throw badField(
                        "generationConfig.thinkingConfig.thinkingLevel",
                        thinking.getThinkingLevelValue(),
                        "MINIMAL, LOW, MEDIUM or HIGH");
        };
    }

    private static float temperature(float value) {
        if (!(value >= 0 && value <= 2)) {
            throw badField("generationConfig.temperature", value, "0 <= temperature <= 2");
        }
        return value;
    }

    private static float topP(float value) {
        if (!(value > 0 && value <= 1)) {
            throw badField("generationConfig.topP", value, "0 < topP <= 1");
        }
        return value;
    }

    private static int topK(int value) {
        if (value < 1) {
            throw badField("generationConfig.topK", value, "topK >= 1");
        }
        return value;
    }

    private static float penalty(String name, float value) {
        if (!(value >= -2 && value <= 2)) {
            throw badField("generationConfig." + name, value, "-2 <= " + name + " <= 2");
        }
        return value;
    }

    private static List<String> stop(List<String> sequences) {
        if (sequences.size() > MAX_STOP_SEQUENCES) {
            throw badField(
                    "generationConfig.stopSequences", sequences.size() + " of them", "at most " + MAX_STOP_SEQUENCES);
        }
        for (int i = 0; i < sequences.size(); i++) {
            int length = sequences.get(i).length();
            if (length == 0 || length > MAX_STOP_CHARS) {
                throw badField(
                        "generationConfig.stopSequences[" + i + "]",
                        length + " characters",
                        "1 to " + MAX_STOP_CHARS + " characters");
            }
        }
        return List.copyOf(sequences);
    }

    private static int logprobs(GenerationConfig config) {
        if (config.getLogprobs() < 0 || config.getLogprobs() > MAX_LOGPROBS) {
            throw badField("generationConfig.logprobs", config.getLogprobs(), "0 <= logprobs <= " + MAX_LOGPROBS);
        }
        if (config.getLogprobs() > 0 && !config.getResponseLogprobs()) {
            throw badField("generationConfig.logprobs", config.getLogprobs(), "responseLogprobs: true beside it");
        }
        return config.getResponseLogprobs() ? config.getLogprobs() : -1;
    }

    private static OptionalInt maxOutput(GenerationConfig config) {
        if (!config.hasMaxOutputTokens()) {
            return OptionalInt.empty();
        }
        if (config.getMaxOutputTokens() < 1) {
            throw badField("generationConfig.maxOutputTokens", config.getMaxOutputTokens(), "maxOutputTokens >= 1");
        }
        return OptionalInt.of(config.getMaxOutputTokens());
    }

    static String shorten(String text) {
        return text.length() <= 80 ? text : text.substring(0, 77) + "...";
    }
}
