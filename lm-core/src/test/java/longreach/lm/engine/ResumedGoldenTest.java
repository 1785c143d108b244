package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.zip.GZIPInputStream;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.prompt.TokenStream.TextRun;
import longreach.lm.sample.Sampling;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.ModelFiles;
import longreach.v1.Modality;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a restarted engine computes from chunks and checkpoints of another one, against transformers, which saw the whole
 * prompt at once. tests/golden/README.md tells how the files were made.
 */
class ResumedGoldenTest {
    // 256 is a chunk's end; at 280 the last chunk is not full. Every window of the golden models is shorter than
    // either.
    private static final int[] SHARED = {256, 280};
    private static final Sampling BEST =
            new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.of(Sampling.MAX_LOGPROBS));

    private final Kernels kernels = KernelSelector.select(1);

    @AfterEach
    void close() {
        kernels.pool().close();
    }

    /** @param logits of the last of the ids */
    private record Golden(Path model, int[] ids, float[] logits) {
        static Golden of(String name) throws Exception {
            Path config = Path.of(ResumedGoldenTest.class
                    .getResource("/golden/" + name + "/config.json")
                    .toURI());
            Path directory = config.getParent();
            if (name.equals("recurrentgemma")) {
                int[] ids = JsonConfig.read(directory.resolve("ids.json")).integers("ids");
                return new Golden(
                        directory, ids, last(Files.readAllBytes(directory.resolve("logits.f32")), ids.length));
            }
            Path reference = Path.of(directory + ".json");
            int[] ids = JsonConfig.read(reference).integers("ids");
            int[] positions = JsonConfig.read(reference).integers("positions");
            assertThat(positions[positions.length - 1]).isEqualTo(ids.length - 1);
            try (var in = new GZIPInputStream(Files.newInputStream(Path.of(directory + ".logits.f32.gz")))) {
                return new Golden(directory, ids, last(in.readAllBytes(), positions.length));
            }
        }

        private static float[] last(byte[] bytes, int rows) throws IOException {
            var floats = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
            float[] last = new float[floats.remaining() / rows];
            floats.get(floats.remaining() - last.length, last);
            return last;
        }

        double logprob(int id) {
            double sum = 0;
            for (float logit : logits) {
                sum += Math.exp(logit);
            }
            return logits[id] - Math.log(sum);
        }

        TokenStream prompt(int shared, int length) {
            int[] rest = Arrays.copyOfRange(ids, shared, length);
            return new TokenStream(List.of(
                    new TextRun(Arrays.copyOf(ids, shared), Modality.DOCUMENT, true),
                    new TextRun(rest, Modality.TEXT, false)));
        }
    }

    private Collected run(Golden golden, MemoryContextStore store, TokenStream prompt) throws Exception {
        try (ModelFiles files = ModelFiles.open(golden.model);
                var engine = new Engine(
                        ModelLoader.model("golden", files, kernels, Precision.F32),
                        kernels,
                        TinyModel.tokens(),
                        Precision.F32,
                        store,
                        new EngineSettings(64 << 20, 8, 4, 100, 64),
                        new EngineMetrics(new SimpleMeterRegistry()))) {
            var sink = new Collected();
            engine.submit(
                    new GenerateRequest(
                            "a", prompt, BEST, 1, GenerateRequest.CacheMode.READ_WRITE, GenerateRequest.NO_DEADLINE),
                    sink);
            sink.await();
            assertThat(engine.flush(Duration.ofMinutes(1))).isTrue();
            return sink;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"families/llama", "families/gemma2", "families/gemma3", "recurrentgemma"})
    void aRestartedEngineGoesOnWithTheReferencesLogits(String name) throws Exception {
        Golden golden = Golden.of(name);
        for (int shared : SHARED) {
            try (var store = new MemoryContextStore(256 << 20)) {
                run(golden, store, golden.prompt(shared, shared + 1));
                Collected resumed = run(golden, store, golden.prompt(shared, golden.ids.length));
                assertThat(resumed.want.join().restored()).isBetween(256, shared);
                var best = resumed.tokens.getFirst().logprob().top();
                assertThat(best).hasSize(Sampling.MAX_LOGPROBS);
                double worst = best.stream()
                        .mapToDouble(each -> Math.abs(each.logprob() - golden.logprob(each.id())))
                        .max()
                        .orElseThrow();
                System.out.printf("%s, %d tokens shared: worst log-probability %.1e off%n", name, shared, worst);
                assertThat(worst).isLessThan(1e-4);
            }
        }
    }
}
