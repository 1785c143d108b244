package longreach.lm.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.prompt.TokenStream;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.ScalarKernels;
import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.ModelDirectory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against the logits of transformers, in f32; the golden model's window is 23, so most of its 300 tokens lie past it. */
class RecurrentGemmaTest {
    private static final float TOLERANCE = 1e-4f;

    private final Kernels kernels = KernelSelector.select(2);
    private Path directory;
    private ModelDirectory files;
    private int[] ids;
    private float[] expected;

    @BeforeEach
    void open() throws IOException, URISyntaxException {
        directory = Path.of(RecurrentGemmaTest.class
                        .getResource("/golden/recurrentgemma/config.json")
                        .toURI())
                .getParent();
        files = ModelDirectory.open(directory);
        ids = JsonConfig.read(directory.resolve("ids.json")).integers("ids");
        var floats = ByteBuffer.wrap(Files.readAllBytes(directory.resolve("logits.f32")))
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer();
        expected = new float[floats.remaining()];
        floats.get(expected);
    }

    @AfterEach
    void close() {
        files.close();
        kernels.pool().close();
    }

    private RecurrentGemma model(Kernels on, Precision precision) {
        return RecurrentGemma.of("tiny", new byte[32], files, on, precision);
    }

    /** Logits of all ids, computed in steps of these sizes over and over. */
    private float[] logits(Kernels on, Precision precision, int... steps) {
        RecurrentGemma model = model(on, precision);
        float[] logits = new float[expected.length];
        try (var pool = new KvPool(on, model.kvShape(), precision.kvType(), 1 << 20);
                var cache = new KvCache(pool, model.rotation(), pool.reserve(ids.length, ids.length, 0), false)) {
            var batch = new Batch(model.card(), ids.length, ids.length);
            var prompt = TokenStream.ofText(ids);
            for (int step = 0; cache.length() < ids.length; step++) {
                int from = cache.length();
                int n = Math.min(steps[step % steps.length], ids.length - from);
                batch.clear();
                batch.begin(cache, prompt);
                for (int i = from; i < from + n; i++) {
                    batch.addToken(ids[i]);
                }
                batch.end(n);
                model.forward(batch);
                int vocabulary = model.card().vocabulary();
                System.arraycopy(batch.logits(), 0, logits, from * vocabulary, n * vocabulary);
            }
        } finally {
            model.close();
        }
        return logits;
    }

    private void assertAsExpected(float[] logits) {
        float worst = 0;
        for (int i = 0; i < expected.length; i++) {
            worst = Math.max(worst, Math.abs(logits[i] - expected[i]));
        }
        assertThat(worst).isLessThanOrEqualTo(TOLERANCE);
    }

    @Test
    void onePrefillGivesTheLogitsOfTheReference() {
        assertAsExpected(logits(kernels, Precision.F32, 300));
        var scalar = new ScalarKernels(new ComputePool(1));
        assertAsExpected(logits(scalar, Precision.F32, 300));
        scalar.pool().close();
    }

    @Test
    void chunksAndSingleStepsGiveTheSame() {
        assertAsExpected(logits(kernels, Precision.F32, 1));
        assertAsExpected(logits(kernels, Precision.F32, 64));
        assertAsExpected(logits(kernels, Precision.F32, 2, 1, 3, 47));
    }

    @Test
    void aFastPromptIsTheSameToTheLastBitHoweverItIsCut() {
        float[] whole = logits(kernels, Precision.FAST, 300);
        for (int[] steps : new int[][] {{64}, {2, 1, 3, 47}, {1, 299}}) {
            float[] cut = logits(kernels, Precision.FAST, steps);
            assertThat(Arrays.mismatch(cut, whole)).as(Arrays.toString(steps)).isEqualTo(-1);
        }
    }
}
