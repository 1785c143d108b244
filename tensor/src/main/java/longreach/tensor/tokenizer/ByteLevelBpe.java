package longreach.tensor.tokenizer;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Map;
import java.util.OptionalInt;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.GgufMetadata;
import longreach.tensor.weights.WeightsException;

/**
 * Byte-level byte pair encoding, as in GPT-2 (openai/gpt-2, src/encoder.py) and the tokenizers of SmolLM2 and Whisper.
 * Text is cut into words ({@link PreTokenizer}), a word into its UTF-8 bytes, and pairs are merged by rank. Agrees with
 * Hugging Face tokenizers in the odd cases too: a byte that the vocabulary lacks (SmolLM2 lacks a few control
 * characters and the lead bytes of unassigned planes) is left out.
 *
 * <p>A surrogate without its partner, which no UTF-8 text can have, is read as U+FFFD.
 */
public final class ByteLevelBpe implements Tokenizer {
    private final String[] names;
    private final byte[][] bytes;
    private final Map<String, Integer> ids;
    private final BitSet control;
    private final PreTokenizer preTokenizer;
    private final MergeTable merges;
    // id of each single byte, or NONE
    private final int[] byteIds;
    private final OptionalInt begin;
    private final LiteralTokens always;
    private final LiteralTokens withControl;

    ByteLevelBpe(TokenizerBuilder builder, PreTokenizer preTokenizer) {
        names = builder.names;
        ids = builder.ids;
        control = builder.control;
        this.preTokenizer = preTokenizer;
        bytes = new byte[names.length][];
        for (int id = 0; id < names.length; id++) {
            bytes[id] = builder.literal.get(id)
                    ? names[id].getBytes(StandardCharsets.UTF_8)
                    : ByteAlphabet.toBytes(names[id]);
        }
        byteIds = new int[256];
        for (int b = 0; b < 256; b++) {
            int id = ids.getOrDefault(String.valueOf(ByteAlphabet.toChar(b)), MergeTable.NONE);
            byteIds[b] = id != MergeTable.NONE && builder.literal.get(id) ? MergeTable.NONE : id;
        }
        begin = builder.begin;
        merges = builder.mergeTable();
        always = builder.literals(false);
        withControl = builder.literals(true);
    }

    /**
     * The tokenizer that a GGUF file carries.
     *
     * @throws WeightsException when it carries none, another kind, or an inconsistent one
     */
    public static ByteLevelBpe of(GgufFile file) {
        GgufMetadata metadata = file.metadata();
        String model = metadata.string("tokenizer.ggml.model");
        if (!model.equals("gpt2")) {
            throw new WeightsException(
                    file.path() + ": tokenizer.ggml.model: " + model + " (expected: gpt2, byte-level BPE)");
        }
        String pre = metadata.string("tokenizer.ggml.pre");
        PreTokenizer preTokenizer = switch (pre) {
            case "smollm" -> PreTokenizer.SINGLE_DIGITS;
            case "gpt-2" -> PreTokenizer.GPT2;
            default ->
                throw new WeightsException(
                        file.path() + ": tokenizer.ggml.pre: " + pre + " (expected: smollm or gpt-2)");
        };
        var builder = TokenizerBuilder.of(file, metadata.flag("tokenizer.ggml.add_bos_token", false));
        for (String merge : metadata.strings("tokenizer.ggml.merges")) {
            int space = merge.indexOf(' ', 1);
            builder.merge(space < 0 ? merge : merge.substring(0, space), space < 0 ? "" : merge.substring(space + 1));
        }
        return builder.byteLevel(preTokenizer);
    }

    /**
     * The tokenizer of a Hugging Face tokenizer.json with a byte-level BPE model.
     *
     * @throws WeightsException when the file cannot be read, is of another kind, or is inconsistent
     */
    public static ByteLevelBpe ofJson(Path file) {
        if (TokenizerJson.read(file) instanceof ByteLevelBpe tokenizer) {
            return tokenizer;
        }
        throw new WeightsException(file + ": another kind of BPE (expected: byte-level)");
    }

    @Override
    public int vocabulary() {
        return names.length;
    }

    @Override
    public int[] encode(String text, boolean parseSpecial) {
        LiteralTokens literals = parseSpecial ? withControl : always;
        var out = new IntList();
        var merger = new PairMerger(merges);
        int from = 0;
        for (LiteralTokens.Match match = literals.find(text, 0);
                match != null;
                match = literals.find(text, match.end())) {
            encodePlain(text, from, match.start(), merger, out);
            out.add(match.id());
            from = match.end();
        }
        encodePlain(text, from, text.length(), merger, out);
        return out.toArray();
    }

    @Override
    public OptionalInt begin() {
        return begin;
    }

    @Override
    public byte[] bytes(int id) {
        return bytes[checked(id)].clone();
    }

    @Override
    public boolean isControl(int id) {
        return control.get(checked(id));
    }

    @Override
    public OptionalInt id(String token) {
        Integer id = ids.get(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    private int checked(int id) {
        if (id < 0 || id >= names.length) {
            throw new IllegalArgumentException("token id: " + id + " (expected: 0 to " + (names.length - 1) + ")");
        }
        return id;
    }

    private void encodePlain(String text, int start, int end, PairMerger merger, IntList out) {
        preTokenizer.split(text, start, end, (from, to) -> {
            merger.clear();
            addBytes(text, from, to, merger);
            merger.mergeInto(out);
        });
    }

    private void addBytes(String text, int from, int to, PairMerger merger) {
        for (int i = from; i < to; i++) {
            int c = text.charAt(i);
            if (c < 0x80) {
                addByte(c, merger);
            } else if (c < 0x800) {
                addByte(0xC0 | c >> 6, merger);
                addByte(0x80 | c & 0x3F, merger);
            } else {
                if (Character.isSurrogate((char) c)) {
                    if (Character.isHighSurrogate((char) c)
                            && i + 1 < to
                            && Character.isLowSurrogate(text.charAt(i + 1))) {
                        c = Character.toCodePoint((char) c, text.charAt(++i));
                        addByte(0xF0 | c >> 18, merger);
                        addByte(0x80 | c >> 12 & 0x3F, merger);
                        addByte(0x80 | c >> 6 & 0x3F, merger);
                        addByte(0x80 | c & 0x3F, merger);
                        continue;
                    }
                    c = 0xFFFD;
                }
                addByte(0xE0 | c >> 12, merger);
                addByte(0x80 | c >> 6 & 0x3F, merger);
                addByte(0x80 | c & 0x3F, merger);
            }
        }
    }

    private void addByte(int b, PairMerger merger) {
        if (byteIds[b] != MergeTable.NONE) {
            merger.add(byteIds[b]);
        }
    }
}
