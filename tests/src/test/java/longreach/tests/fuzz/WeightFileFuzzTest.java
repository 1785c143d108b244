package longreach.tests.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import longreach.lm.engine.ModelLoader;
import longreach.lm.model.Precision;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.tokenizer.Tokenizer;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.GgufMetadata;
import longreach.tensor.weights.SafetensorsFile;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.WeightsException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/**
 * Weight files and tokenizers that are wrong: whatever stands in them, reading ends soon, in an error that names the file
 * or with everything that the file names readable; never another exception, never memory beyond what its size excuses.
 *
 * <p>The corpus lies in {@code src/test/resources/fuzz}, made by {@code tests/golden/make_fuzz_corpus.py}. {@code
 * -Dlongreach.fuzz.rounds=N} mutates longer and {@code -Dlongreach.fuzz.seed=S} otherwise; an input that fails is kept
 * under {@code target/fuzz}: put it into the corpus with the fix.
 */
class WeightFileFuzzTest {
    private static final Path CORPUS = Path.of("src/test/resources/fuzz");
    private static final Path FAMILIES = Path.of("../lm-core/src/test/resources/golden/families");
    private static final Path KEPT = Path.of("target/fuzz");
    private static final int ROUNDS = Integer.getInteger("longreach.fuzz.rounds", 1500);
    private static final long SEED = Long.getLong("longreach.fuzz.seed", 1);
    // Far above what any of these small files needs, on a slow and busy machine.
    private static final Duration LONGEST = Duration.ofSeconds(20);
    private static final long FREE_BYTES = 64 << 20;
    private static final int BYTES_A_BYTE = 2000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static Kernels kernels;

    @TempDir
    Path directory;

    /** Reads the file and everything in it. */
    private interface Reader {
        void read(Path file);
    }

    @BeforeAll
    static void start() {
        kernels = KernelSelector.select(1);
    }

    @AfterAll
    static void stop() {
        kernels.pool().close();
    }

    private static void readGguf(Path path) {
        try (var file = GgufFile.open(path)) {
            file.tensors().forEach(WeightFileFuzzTest::readAll);
            GgufMetadata metadata = file.metadata();
            for (String key : metadata.keys()) {
                refusable(path, () -> metadata.strings(key));
                refusable(path, () -> metadata.integers(key));
                refusable(path, () -> metadata.floats(key));
                refusable(path, () -> metadata.integer(key));
                refusable(path, () -> metadata.number(key));
                refusable(path, () -> metadata.string(key));
            }
        }
    }

    private static void readModel(Path path) {
        try (var checkpoint = ModelLoader.open("fuzz", path, kernels, Precision.FAST)) {
            checkpoint.tokenizer().encode("the inn\n<|im_start|> \u00e9\ud83d\ude00");
        }
    }

    private static void readSafetensors(Path path) {
        try (var file = SafetensorsFile.open(path)) {
            file.tensors().forEach(WeightFileFuzzTest::readAll);
        }
    }

    private static void readTokenizer(Path path) {
        Tokenizer.ofJson(path).encode("the inn\n<|im_start|> \u00e9\ud83d\ude00", true);
    }

    private static void readAll(Tensor tensor) {
        float[] out = new float[Math.toIntExact(tensor.elements())];
        Dequantiser.elements(tensor.type(), tensor.data(), 0, out.length, out, 0);
    }

    private static void refusable(Path path, Runnable read) {
        try {
            read.run();
        } catch (WeightsException e) {
            assertThat(e).hasMessageStartingWith(path.toString());
        }
    }

    @TestFactory
    List<DynamicTest> hostileFilesAreRefusedByName() {
        var expected = JsonMapper.shared()
                .readTree(CORPUS.resolve("hostile/expected.json").toFile());
        var tests = new ArrayList<DynamicTest>();
        expected.properties().forEach(entry -> {
            Path file = CORPUS.resolve("hostile").resolve(entry.getKey());
            Reader reader = entry.getKey().endsWith(".safetensors")
                    ? WeightFileFuzzTest::readSafetensors
                    : WeightFileFuzzTest::readModel;
            tests.add(DynamicTest.dynamicTest(entry.getKey(), () -> {
                WeightsException refusal = bounded(reader, file, entry.getKey());
                assertThat(refusal).as("a refusal").isNotNull();
                assertThat(refusal).hasMessageStartingWith(file.toString()).hasMessageContaining("expected");
                entry.getValue().forEach(word -> assertThat(refusal).hasMessageContaining(word.asString()));
            }));
        });
        assertThat(tests).hasSizeGreaterThan(40);
        return tests;
    }

    @Test
    void theCorpusIsWhole() throws IOException {
        for (Path file : files("gguf")) {
            assertThat(bounded(WeightFileFuzzTest::readGguf, file, file.toString()))
                    .isNull();
        }
        assertThat(bounded(WeightFileFuzzTest::readModel, CORPUS.resolve("gguf/llama.gguf"), "llama.gguf"))
                .isNull();
        for (Path file : files("safetensors")) {
            assertThat(bounded(WeightFileFuzzTest::readSafetensors, file, file.toString()))
                    .isNull();
        }
        for (Path file : files("tokenizer")) {
            assertThat(bounded(WeightFileFuzzTest::readTokenizer, file, file.toString()))
                    .isNull();
        }
    }

    @Test
    void mutatedGguf() throws IOException {
        mutate(".gguf", ROUNDS, files("gguf"), WeightFileFuzzTest::readGguf);
    }

    @Test
    void mutatedModels() throws IOException {
        var seeds = List.of(
                CORPUS.resolve("gguf/llama.gguf"), FAMILIES.resolve("gemma2.gguf"), FAMILIES.resolve("gemma3.gguf"));
        mutate(".gguf", ROUNDS / 3, seeds, WeightFileFuzzTest::readModel);
    }

    @Test
    void mutatedSafetensors() throws IOException {
        mutate(".safetensors", ROUNDS, files("safetensors"), WeightFileFuzzTest::readSafetensors);
    }

    @Test
    void mutatedTokenizers() throws IOException {
        var seeds = new ArrayList<>(files("tokenizer"));
        seeds.add(FAMILIES.resolve("gemma3-chat/tokenizer.json"));
        mutate(".json", ROUNDS, seeds, WeightFileFuzzTest::readTokenizer);
    }

    private void mutate(String ending, int rounds, List<Path> files, Reader reader) throws IOException {
        System.out.println("fuzzing *" + ending + ": seed " + SEED + ", " + rounds + " rounds");
        var seeds = new ArrayList<byte[]>();
        for (Path file : files) {
            seeds.add(Files.readAllBytes(file));
        }
        var mutator = new Mutator(SEED, seeds);
        int refused = 0;
        for (int round = 0; round < rounds; round++) {
            byte[] bytes = mutator.next();
            Path file = Files.write(directory.resolve("input" + ending), bytes);
            try {
                WeightsException refusal = bounded(reader, file, "round " + round);
                if (refusal != null) {
                    refused++;
                    assertThat(refusal).hasMessageStartingWith(file.toString());
                }
            } catch (Throwable failure) {
                Path kept = Files.createDirectories(KEPT).resolve("seed-" + SEED + "-" + round + ending);
                Files.write(kept, bytes);
                throw new AssertionError(
                        "seed " + SEED + ", round " + round + ": kept as " + kept.toAbsolutePath(), failure);
            }
        }
        // A mutator that never hits, or a reader that refuses all, would test nothing.
        assertThat(refused).isBetween(rounds / 10, rounds - 1);
    }

    /** The refusal, or null when the file was read. */
    private static WeightsException bounded(Reader reader, Path file, String what) throws IOException {
        long allocated = THREADS.getCurrentThreadAllocatedBytes();
        long began = System.nanoTime();
        WeightsException refusal = null;
        try {
            reader.read(file);
        } catch (WeightsException e) {
            refusal = e;
        } catch (OutOfMemoryError | StackOverflowError e) {
            throw new AssertionError(what + ": " + e, e); // else it would end the whole run, and name no input
        }
        assertThat(Duration.ofNanos(System.nanoTime() - began)).as(what).isLessThan(LONGEST);
        assertThat(THREADS.getCurrentThreadAllocatedBytes() - allocated)
                .as("%s: bytes allocated", what)
                .isLessThan(FREE_BYTES + BYTES_A_BYTE * Files.size(file));
        return refusal;
    }

    private static List<Path> files(String folder) throws IOException {
        try (var files = Files.list(CORPUS.resolve(folder))) {
            return files.sorted().toList();
        }
    }
}
