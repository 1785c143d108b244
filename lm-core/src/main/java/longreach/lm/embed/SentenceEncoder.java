package longreach.lm.embed;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import longreach.lm.select.TextEmbedder;
import tools.jackson.databind.json.JsonMapper;

/**
 * all-MiniLM-L6-v2, quantised to 8 bits: a text to a vector of length 1, the mean over its tokens (Reimers and Gurevych
 * 2019; Wang et al. 2020). Loaded with the first text. Texts are run one by one: the quantisation takes its range from
 * all that is run at once, so a batch would make a text's vector depend on its neighbours. Safe for use by several threads.
 */
public final class SentenceEncoder implements TextEmbedder, AutoCloseable {
    public static final String NAME = "all-minilm-l6-v2";
    public static final int DIMENSIONS = 384;
    /** What the model was trained on; markers included. */
    public static final int MAX_TOKENS = 256;

    private static final String MODEL_FILE = "/all-minilm-l6-v2-q.onnx";
    private static final String TOKENIZER_FILE = "/all-minilm-l6-v2-q-tokenizer.json";

    private Loaded loaded;
    private boolean closed;

    private record Loaded(OrtEnvironment environment, OrtSession session, WordPieces pieces, int begin, int end) {}

    /** @param values of length 1 @param tokens of the whole text, markers included, also those that were cut */
    public record Embedding(float[] values, int tokens) {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public int dimensions() {
        return DIMENSIONS;
    }

    /** @throws IllegalStateException when the model cannot be run */
    @Override
    public float[] embed(String text) {
        return embedding(text).values();
    }

    /** @throws IllegalStateException when the model cannot be run */
    public Embedding embedding(String text) {
        var model = load();
        List<Integer> ids = model.pieces.encode(text);
        int kept = Math.min(ids.size(), MAX_TOKENS - 2);
        long[] input = new long[kept + 2];
        input[0] = model.begin;
        for (int i = 0; i < kept; i++) {
            input[i + 1] = ids.get(i);
        }
        input[kept + 1] = model.end;
        try {
            return new Embedding(run(model, input), ids.size() + 2);
        } catch (OrtException e) {
            throw new IllegalStateException(NAME + ": " + e.getMessage(), e);
        }
    }

    /** With the markers at both ends, before any cut. */
    List<Integer> ids(String text) {
        var model = load();
        var ids = new ArrayList<Integer>();
        ids.add(model.begin);
        ids.addAll(model.pieces.encode(text));
        ids.add(model.end);
        return ids;
    }

    private static float[] run(Loaded model, long[] ids) throws OrtException {
        long[] ones = new long[ids.length];
        java.util.Arrays.fill(ones, 1);
        try (var tokens = OnnxTensor.createTensor(model.environment, new long[][] {ids});
                var mask = OnnxTensor.createTensor(model.environment, new long[][] {ones});
                var types = OnnxTensor.createTensor(model.environment, new long[][] {new long[ids.length]});
                var result = model.session.run(
                        Map.of("input_ids", tokens, "attention_mask", mask, "token_type_ids", types))) {
            FloatBuffer states = ((OnnxTensor) result.get(0)).getFloatBuffer();
            if (states.remaining() != ids.length * DIMENSIONS) {
                throw new IllegalStateException(
                        NAME + ": " + states.remaining() + " values (expected: " + ids.length * DIMENSIONS + ")");
            }
            return normalised(mean(states, ids.length));
        }
    }

    private static double[] mean(FloatBuffer states, int count) {
        double[] sum = new double[DIMENSIONS];
        for (int t = 0; t < count; t++) {
            for (int d = 0; d < DIMENSIONS; d++) {
                sum[d] += states.get();
            }
        }
        return sum;
    }

    private static float[] normalised(double[] vector) {
        double square = 0;
        for (double each : vector) {
            square += each * each;
        }
        float[] out = new float[vector.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) (vector[i] / Math.sqrt(square));
        }
        return out;
    }

    private synchronized Loaded load() {
        if (closed) {
            throw new IllegalStateException(NAME + ": closed");
        }
        if (loaded == null) {
            try (var options = new OrtSession.SessionOptions()) {
                // The engine owns the cores; a sentence takes milliseconds on one.
                options.setIntraOpNumThreads(1);
                options.setInterOpNumThreads(1);
                var environment = OrtEnvironment.getEnvironment();
                var pieces = new WordPieces(vocabulary());
                loaded = new Loaded(
                        environment,
                        environment.createSession(bytes(MODEL_FILE), options),
                        pieces,
                        pieces.id("[CLS]"),
                        pieces.id("[SEP]"));
            } catch (OrtException e) {
                throw new IllegalStateException(NAME + " does not load: " + e.getMessage(), e);
            }
        }
        return loaded;
    }

    private static Map<String, Integer> vocabulary() {
        var ids = new HashMap<String, Integer>();
        JsonMapper.builder()
                .build()
                .readTree(bytes(TOKENIZER_FILE))
                .path("model")
                .path("vocab")
                .forEachEntry((piece, id) -> ids.put(piece, id.asInt()));
        return ids;
    }

    private static byte[] bytes(String resource) {
        try (InputStream in = SentenceEncoder.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException(resource + ": not on the class path (expected: the model's library)");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (loaded != null) {
            try {
                loaded.session.close();
            } catch (OrtException e) {
                throw new IllegalStateException(NAME + ": " + e.getMessage(), e);
            }
        }
    }
}
