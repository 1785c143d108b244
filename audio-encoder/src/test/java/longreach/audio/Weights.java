package longreach.audio;

import java.nio.file.Path;
import java.util.Optional;
import longreach.tensor.weights.ModelCache;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** Real weights for tests; without them a test is skipped, or fails where LONGREACH_REQUIRE_WEIGHTS is 1. */
public final class Weights {
    private Weights() {}

    /** Folder of the English checkpoint. */
    public static Path whisper() {
        return require("whisper-tiny.en", "model.bin").getParent();
    }

    public static Path vad() {
        return require("silero-vad", "silero_vad.onnx");
    }

    private static Path require(String model, String file) {
        Optional<Path> found = ModelCache.ofEnvironment().find(model, file);
        if (found.isEmpty()) {
            String reason = model + ": no weights (./longreach pull " + model + " fetches them)";
            if ("1".equals(System.getenv("LONGREACH_REQUIRE_WEIGHTS"))) {
                Assertions.fail(reason);
            }
            System.out.println("skipped: " + reason);
            Assumptions.abort(reason);
        }
        return found.orElseThrow();
    }
}
