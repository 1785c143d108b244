package longreach.vision;

import java.nio.file.Path;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Settings of the eyes: what makes soft tokens of images for a language model that sees.
 *
 * @param model a GGUF file of a projector, or the directory of safetensors of a model that sees; null: no eyes, images
 *     become text
 * @param precision f32 computes everything in 32 bits; fast may round
 * @param threads that compute; 0: one for each core
 */
@ConfigurationProperties("vision-encoder.eyes")
public record EyesSettings(
        Path model,
        @DefaultValue("fast") Precision precision,
        @DefaultValue("0") int threads) {
    /** How exactly is computed. */
    public enum Precision {
        F32,
        FAST
    }

    public EyesSettings {
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException(
                    "vision-encoder.eyes.threads: " + threads + " (expected: 0 to 1024; 0 is one for each core)");
        }
    }
}
