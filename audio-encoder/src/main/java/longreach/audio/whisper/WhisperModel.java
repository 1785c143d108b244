package longreach.audio.whisper;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import longreach.audio.feature.LogMel;
import longreach.audio.whisper.WhisperDecoder.Slot;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.KvPage;
import longreach.tensor.weights.WeightsException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A loaded Whisper checkpoint of any size: windows of at most thirty seconds in, timed text out. One thread at a time;
 * owns its weights and caches, and ends with {@link #close}.
 */
public final class WhisperModel implements AutoCloseable {
    /**
     * @param exact f32 arithmetic and caches; otherwise what the kernels do fastest
     * @param batch windows decoded together, at least 1
     * @param language code such as {@code en}, or {@code auto}; the English models know only {@code en}
     */
    public record Settings(boolean exact, int batch, String language) {
        public Settings {
            if (batch < 1 || batch > 64) {
                throw new IllegalArgumentException("batch: " + batch + " (expected: 1 to 64)");
            }
        }
    }

    /** Samples of a window, {@code samples[0, length)}, 16 kHz. */
    public record Window(float[] samples, int length) {}

    private final Arena arena = Arena.ofShared();
    private final WhisperConfig config;
    private final WhisperTokens tokens;
    private final LogMel features;
    private final WhisperEncoder encoder;
    private final WhisperDecoder decoder;
    private final WindowDecoder windows;
    private final float[] mel;

    /**
     * Loads a CTranslate2 conversion.
     *
     * @param directory holds {@code model.bin}, {@code config.json} and {@code tokenizer.json}
     * @throws WeightsException when a file is missing or is not what it should be
     */
    public static WhisperModel load(Path directory, Kernels kernels, Settings settings) {
        return new WhisperModel(directory, kernels, settings);
    }

    private WhisperModel(Path directory, Kernels kernels, Settings settings) {
        boolean complete = false;
        try (CTranslate2File file = CTranslate2File.open(directory.resolve("model.bin"))) {
            WhisperWeights weights = WhisperWeights.load(file, kernels, arena);
            config = weights.config;
            tokens = WhisperTokens.load(directory.resolve("tokenizer.json"), config.vocabulary());
            JsonNode json = readConfig(directory.resolve("config.json"));
            LinearMath math = new LinearMath(kernels, settings.exact());
            KvPage.Type type = KvPage.Type.F32;
            encoder = new WhisperEncoder(weights, kernels, math, type, arena);
            decoder = new WhisperDecoder(weights, kernels, math, type, settings.batch(), arena);
            DecodingRules rules = new DecodingRules(tokens, ids(json, "suppress_ids"), ids(json, "suppress_ids_begin"));
            windows = new WindowDecoder(
                    decoder, tokens, rules, kernels, config, language(settings.language()), ids(json, "lang_ids"));
            features = new LogMel(config.mels());
            mel = new float[LogMel.FRAMES * config.mels()];
            complete = true;
        } finally {
            if (!complete) {
                arena.close();
            }
        }
    }

    private int language(String code) {
        if (!tokens.multilingual()) {
            if (!code.equals("en") && !code.equals("auto")) {
                throw new WeightsException("language: " + code + " (expected: en, all that this model knows)");
            }
            return -1;
        }
        if (code.equals("auto")) {
            return -1;
        }
        int id = tokens.language(code);
        if (id < 0) {
            throw new WeightsException("language: " + code + " (expected: auto, or a code that the model knows)");
        }
        return id;
    }

    private static JsonNode readConfig(Path file) {
        try {
            return JsonMapper.shared().readTree(file.toFile());
        } catch (JacksonException e) {
            throw new WeightsException("config.json: not readable as JSON", e);
        }
    }

    private int[] ids(JsonNode json, String name) {
        JsonNode list = json.path(name);
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            int id = list.get(i).asInt(-1);
            if (id < 0 || id >= config.vocabulary()) {
                throw new WeightsException("config.json: " + name + ": " + list.get(i) + " (expected: 0 to "
                        + (config.vocabulary() - 1) + ")");
            }
            ids[i] = id;
        }
        return ids;
    }

    public WhisperConfig config() {
        return config;
    }

    /** Windows that {@link #transcribe} takes at once. */
    public int batch() {
        return decoder.batch();
    }

    /**
     * Transcribes up to {@link #batch} windows.
     *
     * @param checkpoint called several times a second; what it throws ends the computation and leaves the model usable
     */
    public List<WindowTranscript> transcribe(List<Window> batch, Runnable checkpoint) {
        List<Slot> slots = new ArrayList<>();
        for (Window window : batch) {
            checkpoint.run();
            slots.add(decoder.begin(slots.size(), encode(window, checkpoint), checkpoint));
        }
        List<Hypothesis> hypotheses = windows.decode(slots, checkpoint);
        List<WindowTranscript> transcripts = new ArrayList<>();
        for (int i = 0; i < batch.size(); i++) {
            double seconds = batch.get(i).length() / (double) LogMel.SAMPLE_RATE;
            transcripts.add(Segmentation.of(hypotheses.get(i), tokens, seconds));
        }
        return transcripts;
    }

    /** Encoder output f32[audioPositions, width] of one window, valid until the next call. */
    float[] encode(Window window, Runnable checkpoint) {
        features.compute(window.samples(), window.length(), mel, 0);
        return encoder.encode(mel, checkpoint);
    }

    /** The decoder's own words, for tests of parity. */
    List<Hypothesis> hypotheses(List<Window> batch) {
        List<Slot> slots = new ArrayList<>();
        for (Window window : batch) {
            slots.add(decoder.begin(slots.size(), encode(window, () -> {}), () -> {}));
        }
        return windows.decode(slots, () -> {});
    }

    /** Logits behind the start of the transcript and each of the given tokens, without any rule, for tests of parity. */
    float[][] forcedLogits(Window window, int[] sampled) {
        Slot slot = decoder.begin(0, encode(window, () -> {}), () -> {});
        float[][] logits = new float[sampled.length + 1][];
        for (int i = 0; i < logits.length; i++) {
            int token = i == 0 ? tokens.startOfTranscript : sampled[i - 1];
            logits[i] = java.util.Arrays.copyOf(decoder.step(List.of(slot), new int[] {token}), config.vocabulary());
        }
        return logits;
    }

    @Override
    public void close() {
        arena.close();
    }
}
