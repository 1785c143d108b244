package longreach.tests.e2e;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import longreach.tensor.weights.ModelCache;

/** The weights that end-to-end tests need: missing ones fail under {@code ./longreach test}, and skip elsewhere. */
final class TestWeights {
    private static final List<String> MODELS = List.of("smollm2-135m", "whisper-tiny.en", "silero-vad");

    private TestWeights() {}

    static void require() {
        var cache = ModelCache.ofEnvironment();
        for (String model : MODELS) {
            if (Files.isDirectory(cache.directory(model))) {
                continue;
            }
            String reason = "the weights of " + model + " are missing: ./longreach pull " + model;
            if ("1".equals(System.getenv("LONGREACH_REQUIRE_WEIGHTS"))) {
                throw new AssertionError(reason);
            }
            assumeTrue(false, reason);
        }
    }

    /** Maven runs the tests in the module's directory. */
    static Path sample(String name) {
        return Path.of("..", "samples", name);
    }
}
