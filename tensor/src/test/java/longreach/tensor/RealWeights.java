package longreach.tensor;

import java.nio.file.Path;
import longreach.tensor.weights.ModelCache;
import org.junit.jupiter.api.Assumptions;

/** Real weights for tests: a missing file skips the test, or fails it where {@code LONGREACH_REQUIRE_WEIGHTS=1}. */
public final class RealWeights {
    private RealWeights() {}

    public static Path smollm2() {
        return require("smollm2-135m", "SmolLM2-135M-Instruct.Q4_1.gguf");
    }

    public static Path require(String model, String file) {
        var cache = ModelCache.ofEnvironment();
        if ("1".equals(System.getenv("LONGREACH_REQUIRE_WEIGHTS"))) {
            return cache.require(model, file);
        }
        var path = cache.find(model, file);
        Assumptions.assumeTrue(path.isPresent(), () -> "skipped: " + cache.file(model, file) + " is not there");
        return path.get();
    }
}
