package longreach.audio.whisper;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import longreach.tensor.weights.WeightsException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The vocabulary of a checkpoint: text of ids, and the ids that steer decoding. Byte-level tokens are written in GPT-2's
 * printable alphabet and turned back into bytes here. Immutable.
 */
final class WhisperTokens {
    /** Seconds from one timestamp token to the next. */
    static final double TIMESTAMP_SECONDS = 0.02;

    private final byte[][] bytes;
    private final Map<String, Integer> special = new HashMap<>();
    private final boolean multilingual;

    final int endOfText;
    final int startOfTranscript;
    final int noTimestamps;
    /** No speech; -1: the vocabulary has no such token. */
    final int noSpeech;
    /** Transcribe rather than translate; -1 when English is all that the model knows. */
    final int transcribe;
    /** The token of 0.00 s; all larger ids are timestamps. */
    final int firstTimestamp;

    /**
     * @param file {@code tokenizer.json}
     * @param size of the checkpoint's vocabulary
     */
    static WhisperTokens load(Path file, int size) {
        try {
            return new WhisperTokens(JsonMapper.shared().readTree(file.toFile()), size);
        } catch (JacksonException e) {
            throw new WeightsException("tokenizer.json: not readable as JSON", e);
        }
    }

    private WhisperTokens(JsonNode json, int size) {
        bytes = new byte[size][];
        Map<Integer, Integer> alphabet = alphabet();
        for (Map.Entry<String, JsonNode> entry :
                json.path("model").path("vocab").properties()) {
            bytes[id(entry.getValue(), size)] = toBytes(entry.getKey(), alphabet);
        }
        for (JsonNode added : json.path("added_tokens")) {
            int id = id(added.path("id"), size);
            special.put(added.path("content").asString(), id);
            bytes[id] = null;
        }
        endOfText = required("<|endoftext|>");
        startOfTranscript = required("<|startoftranscript|>");
        noTimestamps = required("<|notimestamps|>");
        noSpeech = special.getOrDefault("<|nospeech|>", special.getOrDefault("<|nocaptions|>", -1));
        // The English models list the language tokens too, and never use them; theirs is GPT-2's vocabulary.
        multilingual = endOfText != 50256;
        transcribe = multilingual ? required("<|transcribe|>") : -1;
        firstTimestamp = noTimestamps + 1;
        if (size - firstTimestamp != 1501) {
            throw new WeightsException(
                    "vocabulary: " + (size - firstTimestamp) + " timestamps (expected: 1501, 0.00 to 30.00 s)");
        }
    }

    boolean multilingual() {
        return multilingual;
    }

    /** @return -1 for a language that the model does not know */
    int language(String code) {
        return special.getOrDefault("<|" + code + "|>", -1);
    }

    boolean isTimestamp(int token) {
        return token >= firstTimestamp;
    }

    /** Seconds from the window's start. */
    double seconds(int timestamp) {
        return (timestamp - firstTimestamp) * TIMESTAMP_SECONDS;
    }

    /** Text of the ids; special ids are left out, broken UTF-8 becomes U+FFFD. */
    String text(int[] ids, int from, int to) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = from; i < to; i++) {
            byte[] token = bytes[ids[i]];
            if (token != null) {
                out.writeBytes(token);
            }
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    private int required(String token) {
        Integer id = special.get(token);
        if (id == null) {
            throw new WeightsException("tokenizer.json: no token " + token);
        }
        return id;
    }

    private static int id(JsonNode node, int size) {
        if (!node.isInt() || node.asInt() < 0 || node.asInt() >= size) {
            throw new WeightsException("tokenizer.json: id " + node + " (expected: 0 to " + (size - 1) + ")");
        }
        return node.asInt();
    }

    private static byte[] toBytes(String token, Map<Integer, Integer> alphabet) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        token.codePoints().forEach(c -> {
            Integer value = alphabet.get(c);
            if (value == null) {
                throw new WeightsException("tokenizer.json: U+" + Integer.toHexString(c)
                        + " in a token (expected: the byte-level alphabet)");
            }
            out.write(value);
        });
        return out.toByteArray();
    }

    // Printable Latin-1 stands for itself; the other bytes, in order, are U+0100, U+0101, ...
    private static Map<Integer, Integer> alphabet() {
        Map<Integer, Integer> alphabet = new HashMap<>();
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
            alphabet.put(printable ? b : next++, b);
        }
        return alphabet;
    }
}
