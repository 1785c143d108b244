package longreach.audio;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import longreach.audio.decode.AudioTrack;
import longreach.audio.decode.Clip;
import longreach.audio.decode.ConfinedTrack;
import longreach.audio.transcript.Transcriber;
import longreach.audio.vad.SileroVad;
import longreach.audio.vad.SpeechRules;
import longreach.audio.whisper.WhisperModel;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.process.ChildPool;
import longreach.tensor.weights.ModelCache;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The models behind the service. They are loaded when first needed, so that the service starts without weights and says
 * what is missing when asked; a failed load is tried again at the next request. Thread-safe.
 */
public final class AudioEngine implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(AudioEngine.class);

    // Raised when the same models and settings begin to give other output.
    private static final int OUTPUT_VERSION = 2;

    private final AudioEncoderProperties properties;
    private final ModelCache cache;
    private final SpeechRules rules = SpeechRules.TRANSCRIPTION;
    private final ChildPool decoders;
    private Kernels kernels;
    private Transcriber transcriber;
    private String fingerprint;

    public AudioEngine(AudioEncoderProperties properties) {
        this.properties = properties;
        decoders = ConfinedTrack.pool(
                properties.decoderMemory().toBytes(), properties.decoderSilence(), properties.concurrent());
        cache = properties.cache() == null ? ModelCache.ofEnvironment() : new ModelCache(properties.cache());
    }

    /**
     * Names everything that changes the transcript of the same audio.
     *
     * @throws longreach.tensor.weights.WeightsException when a model file is missing
     */
    public synchronized String fingerprint() {
        if (fingerprint == null) {
            fingerprint = "audio-transcript/" + OUTPUT_VERSION + " " + properties.model() + "@"
                    + digest(cache.require(properties.model(), "model.bin")) + " "
                    + properties.vadModel() + "@" + digest(vadFile()) + " language=" + properties.language()
                    + " precision=" + properties.precision().name().toLowerCase(java.util.Locale.ROOT) + " vad="
                    + rules.threshold() + "/" + rules.negThreshold() + "/" + rules.minSpeechMillis() + "/"
                    + rules.minSilenceMillis() + "/" + rules.padMillis() + "/" + rules.maxSpeechMillis();
        }
        return fingerprint;
    }

    /**
     * Opens a file; the caller closes it.
     *
     * @throws AudioException.Undecodable when it cannot be read
     */
    public AudioTrack open(Path file, Clip clip, boolean probeOnly) {
        return ConfinedTrack.open(decoders, file, clip, probeOnly);
    }

    /** @throws longreach.tensor.weights.WeightsException when a model file is missing or broken */
    public synchronized Transcriber transcriber() {
        if (transcriber == null) {
            long begin = System.nanoTime();
            cache.require(properties.model(), "model.bin");
            cache.require(properties.model(), "config.json");
            cache.require(properties.model(), "tokenizer.json");
            Path vadFile = vadFile();
            if (kernels == null) {
                int threads = properties.threads() == 0 ? KernelSelector.defaultThreads() : properties.threads();
                kernels = KernelSelector.select(threads);
            }
            boolean exact = properties.precision() == AudioEncoderProperties.Precision.F32;
            WhisperModel model = WhisperModel.load(
                    cache.directory(properties.model()),
                    kernels,
                    new WhisperModel.Settings(exact, properties.batch(), properties.language()));
            transcriber = new Transcriber(new SileroVad(vadFile), model, rules, properties.maxDuration());
            log.info("{} loaded in {} ms", properties.model(), (System.nanoTime() - begin) / 1_000_000);
        }
        return transcriber;
    }

    private Path vadFile() {
        return cache.require(properties.vadModel(), "silero_vad.onnx");
    }

    private static String digest(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            byte[] block = new byte[1 << 20];
            for (int n = in.read(block); n > 0; n = in.read(block)) {
                sha.update(block, 0, n);
            }
            return HexFormat.of().formatHex(sha.digest());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    @Override
    public synchronized void close() {
        decoders.close();
        if (transcriber != null) {
            transcriber.close();
            transcriber = null;
        }
        if (kernels != null) {
            kernels.pool().close();
            kernels = null;
        }
    }
}
