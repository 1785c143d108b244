package longreach.audio.vad;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;
import longreach.audio.AudioException;

/**
 * Silero VAD (github.com/snakers4/silero-vad, v5 and v6 share this interface) in ONNX Runtime. The session may serve
 * any number of {@link Stream}s.
 */
public final class SileroVad implements AutoCloseable {
    /** Samples per probability: 32 ms. */
    public static final int FRAME = 512;
    // Each frame is seen with the last samples of the one before.
    private static final int CONTEXT = 64;
    private static final int STATE = 2 * 128;

    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;

    /** @throws AudioException.BadModel when the file is not this model */
    public SileroVad(Path file) {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            // One frame is far too little work to share.
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            session = environment.createSession(file.toString(), options);
        } catch (OrtException e) {
            throw new AudioException.BadModel("silero-vad: not a loadable ONNX model", e);
        }
        if (!session.getInputNames().containsAll(java.util.List.of("input", "state", "sr"))
                || !session.getOutputNames().containsAll(java.util.List.of("output", "stateN"))) {
            String found = session.getInputNames() + " to " + session.getOutputNames();
            close();
            throw new AudioException.BadModel(
                    "silero-vad: " + found + " (expected: [input, state, sr] to [output, stateN])");
        }
    }

    public Stream stream() {
        return new Stream();
    }

    /** The detector's memory along one recording. Not thread-safe. */
    public final class Stream implements AutoCloseable {
        private final float[] input = new float[CONTEXT + FRAME];
        private final float[] state = new float[STATE];
        private final OnnxTensor rate;

        private Stream() {
            try {
                rate = OnnxTensor.createTensor(environment, 16_000L);
            } catch (OrtException e) {
                throw new IllegalStateException("silero-vad: " + e.getMessage(), e);
            }
        }

        /** Probability of speech in samples[offset, offset + {@link #FRAME}), which follow the frame before. */
        public float accept(float[] samples, int offset) {
            System.arraycopy(samples, offset, input, CONTEXT, FRAME);
            try (OnnxTensor x = OnnxTensor.createTensor(
                            environment, FloatBuffer.wrap(input), new long[] {1, input.length});
                    OnnxTensor s = OnnxTensor.createTensor(
                            environment, FloatBuffer.wrap(state), new long[] {2, 1, STATE / 2});
                    OrtSession.Result result = session.run(Map.of("input", x, "state", s, "sr", rate))) {
                ((OnnxTensor) result.get("stateN").orElseThrow())
                        .getFloatBuffer()
                        .get(state);
                System.arraycopy(input, FRAME, input, 0, CONTEXT);
                return ((OnnxTensor) result.get("output").orElseThrow())
                        .getFloatBuffer()
                        .get(0);
            } catch (OrtException e) {
                throw new IllegalStateException("silero-vad: " + e.getMessage(), e);
            }
        }

        @Override
        public void close() {
            rate.close();
        }
    }

    @Override
    public void close() {
        try {
            session.close();
        } catch (OrtException e) {
            throw new IllegalStateException("silero-vad: " + e.getMessage(), e);
        }
    }
}
