package longreach.audio;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;
import org.springframework.validation.annotation.Validated;

/**
 * Settings of the audio encoder.
 *
 * @param model folder of the model cache that holds the Whisper checkpoint
 * @param vadModel folder of the model cache that holds {@code silero_vad.onnx}
 * @param cache root of the model cache; none: the user's
 * @param language of the speech, for multilingual models; {@code auto}: detected for each window
 * @param precision {@code f32} computes in f32 whatever faster ways the kernels know
 * @param threads that compute; 0: one per physical core
 * @param batch windows of thirty seconds decoded together
 * @param mediaRoot files that a request may name by path lie under it; none: paths are refused
 * @param maxBytes largest media that is taken as a stream
 * @param maxDuration longest audio that is transcribed
 * @param concurrent recordings under way at a time; more of them wait
 * @param queued recordings that may wait
 * @param decoderMemory private memory that the process that decodes a recording may take, where the operating system
 *     knows such a limit
 * @param decoderSilence one that shows no progress for longer is stopped
 */
@Validated
@ConfigurationProperties("audio-encoder")
public record AudioEncoderProperties(
        @DefaultValue("whisper-tiny.en") @NotBlank String model,
        @DefaultValue("silero-vad") @NotBlank String vadModel,
        @Nullable Path cache,
        @DefaultValue("auto") @NotBlank String language,
        @DefaultValue("fast") @NotNull Precision precision,
        @DefaultValue("0") @Min(0) @Max(1024) int threads,
        @DefaultValue("4") @Min(1) @Max(64) int batch,
        @Nullable Path mediaRoot,
        @DefaultValue("4GB") @NotNull DataSize maxBytes,
        @DefaultValue("12h") @NotNull Duration maxDuration,
        @DefaultValue("2") @Min(1) @Max(64) int concurrent,
        @DefaultValue("64") @Min(0) @Max(100_000) int queued,
        @DefaultValue("1GB") @NotNull DataSize decoderMemory,
        @DefaultValue("60s") @NotNull Duration decoderSilence) {
    /** How matrix products are computed. */
    public enum Precision {
        FAST,
        F32
    }
}
