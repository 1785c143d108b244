package longreach.lm.rpc;

import java.net.URI;
import java.time.Duration;
import java.util.Locale;
import longreach.lm.engine.EngineSettings;
import longreach.lm.engine.LongSettings;
import longreach.lm.model.Precision;
import longreach.lm.openai.OpenAiSettings;
import longreach.lm.select.BlockSelector;
import longreach.lm.speculate.Speculation;
import longreach.store.api.Codec;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.bind.Name;
import org.springframework.util.unit.DataSize;

/**
 * Settings of the language-model core, under {@code lm-core}.
 *
 * @param model a catalogue name, or the path of a GGUF file
 * @param precision "fast" or "f32"
 * @param threads that compute; 0: one for each physical core
 * @param kvBytes memory for keys and values of running requests
 * @param maxQueue most requests that wait
 * @param maxRunning most requests that run at once
 * @param stepTokens most prompt tokens of a step while nobody decodes
 * @param prefillBudget most prompt tokens of a step while others decode
 * @param speculation where guesses at the next tokens come from: "off", "lookup", the context itself, or "draft", a
 *     smaller model
 * @param draftModel that model: a catalogue name, or the path of a GGUF file, with the model's vocabulary; has a quarter
 *     of kv-bytes for pages of its own, beside the model's
 * @param engine "native", the engine here, or "openai", an OpenAI-compatible server behind this one
 * @param openai that server
 * @param codec in which keys and values are kept, and read: "f16", "q8" or "q4"; f32 precision keeps f32
 * @param auditShare of the requests that restored something, how many are computed again in the background to be compared
 * @param reach what lies beyond the model's trained length, under {@code lm-core.long}
 */
@ConfigurationProperties("lm-core")
public record LmCoreProperties(
        @DefaultValue("smollm2-135m") String model,
        @DefaultValue("fast") String precision,
        @DefaultValue("0") int threads,
        @DefaultValue("2GB") DataSize kvBytes,
        @DefaultValue("64") int maxQueue,
        @DefaultValue("16") int maxRunning,
        @DefaultValue("512") int stepTokens,
        @DefaultValue("128") int prefillBudget,
        @DefaultValue("lookup") String speculation,
        @DefaultValue("") String draftModel,
        @DefaultValue("native") String engine,
        @DefaultValue OpenAi openai,
        @DefaultValue("f16") String codec,
        @DefaultValue("0") double auditShare,
        @Name("long") @DefaultValue Reach reach) {
    /**
     * @param baseUrl with the version: {@code http://127.0.0.1:8000/v1}
     * @param model its name there
     * @param apiKey empty: none is sent
     * @param contextTokens where the server does not tell
     * @param jsonSchema "json_schema" (OpenAI, vLLM, llama-server) or "json_object" (llama-cpp-python)
     * @param idle longest silence of an answer
     */
    public record OpenAi(
            @DefaultValue("http://127.0.0.1:8000/v1") URI baseUrl,
            @DefaultValue("") String model,
            @DefaultValue("") String apiKey,
            @DefaultValue("8192") int contextTokens,
            @DefaultValue("json_schema") String jsonSchema,
            @DefaultValue("5m") Duration idle) {
        OpenAiSettings settings() {
            OpenAiSettings.SchemaStyle style = switch (jsonSchema) {
                case "json_schema" -> OpenAiSettings.SchemaStyle.JSON_SCHEMA;
                case "json_object" -> OpenAiSettings.SchemaStyle.JSON_OBJECT;
                default ->
                    throw new IllegalArgumentException(
                            "lm-core.openai.json-schema: " + jsonSchema + " (expected: json_schema or json_object)");
            };
            return new OpenAiSettings(baseUrl, model, apiKey, contextTokens, style, idle);
        }

        /** Without the key. */
        @Override
        public String toString() {
            return "OpenAi[" + baseUrl + ", " + model + "]";
        }
    }

    /**
     * @param enabled false: prompts beyond the trained length are refused
     * @param initialTokens that every token of a prompt and its answer see
     * @param windowTokens before its chunk that a token of the prompt sees beside them
     * @param localTokens before the question that it and its answer see
     * @param blocks most chosen blocks that they see beside those
     * @param blockTokens length of a block
     * @param selector of blocks: "fused", "embedding", "lexical" or "none"
     * @param maxTokens most tokens of a prompt
     * @param holdBytes of raw rows kept in memory, for blocks that are not in the store
     */
    public record Reach(
            @DefaultValue("true") boolean enabled,
            @DefaultValue("64") int initialTokens,
            @DefaultValue("1024") int windowTokens,
            @DefaultValue("256") int localTokens,
            @DefaultValue("4") int blocks,
            @DefaultValue("128") int blockTokens,
            @DefaultValue("fused") String selector,
            @DefaultValue("2097152") int maxTokens,
            @DefaultValue("512MB") DataSize holdBytes) {
        public Reach {
            BlockSelector.Kind.of(selector);
        }

        LongSettings settings() {
            return new LongSettings(
                    enabled,
                    initialTokens,
                    windowTokens,
                    localTokens,
                    blocks,
                    blockTokens,
                    BlockSelector.Kind.of(selector),
                    maxTokens,
                    holdBytes.toBytes());
        }
    }

    public LmCoreProperties {
        if (threads < 0) {
            throw new IllegalArgumentException("lm-core.threads: " + threads + " (expected: 0 or more)");
        }
        precisionOf(precision, codec);
        if (!(auditShare >= 0 && auditShare <= 1)) {
            throw new IllegalArgumentException(
                    "lm-core.audit-share: " + auditShare + " (expected: 0 <= audit-share <= 1)");
        }
        if ((speculationOf(speculation) == Speculation.DRAFT) == draftModel.isEmpty()) {
            throw new IllegalArgumentException("lm-core.speculation: " + speculation + ", lm-core.draft-model: \""
                    + draftModel + "\" (expected: a draft model exactly with speculation draft)");
        }
        if (!engine.equals("native") && !engine.equals("openai")) {
            throw new IllegalArgumentException("lm-core.engine: " + engine + " (expected: native or openai)");
        }
    }

    Precision precisionValue() {
        return precisionOf(precision, codec);
    }

    private static Precision precisionOf(String name, String codec) {
        Codec kept = switch (codec.toLowerCase(Locale.ROOT)) {
            case "f16" -> Codec.F16;
            case "q8" -> Codec.Q8;
            case "q4" -> Codec.Q4;
            default -> throw new IllegalArgumentException("lm-core.codec: " + codec + " (expected: f16, q8 or q4)");
        };
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "fast" -> Precision.fast(kept);
            case "f32" -> {
                if (kept != Codec.F16) {
                    throw new IllegalArgumentException("lm-core.codec: " + codec + " (expected: f16 with precision f32,"
                            + " which keeps f32 whatever it says)");
                }
                yield Precision.F32;
            }
            default -> throw new IllegalArgumentException("lm-core.precision: " + name + " (expected: fast or f32)");
        };
    }

    private static Speculation speculationOf(String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "off" -> Speculation.OFF;
            case "lookup" -> Speculation.LOOKUP;
            case "draft" -> Speculation.DRAFT;
            default ->
                throw new IllegalArgumentException(
                        "lm-core.speculation: " + name + " (expected: off, lookup or draft)");
        };
    }

    EngineSettings engineSettings() {
        return new EngineSettings(kvBytes.toBytes(), maxQueue, maxRunning, stepTokens, prefillBudget)
                .with(speculationOf(speculation))
                .with(reach.settings());
    }
}
