package longreach.tensor.tokenizer;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
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
    private static final int GGUF_CONTROL = 3;
    private static final int GGUF_USER_DEFINED = 4;

    private final String[] names;
    private final byte[][] bytes;
    private final Map<String, Integer> ids;
    private final BitSet control;
    private final PreTokenizer preTokenizer;
    private final MergeTable merges;
    // id of each single byte, or NONE
    private final int[] byteIds;
    private final LiteralTokens always;
    private final LiteralTokens withControl;

    private ByteLevelBpe(Builder builder) {
        names = builder.names;
        ids = builder.ids;
        control = builder.control;
        preTokenizer = builder.preTokenizer;
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
        List<String> tokens = metadata.strings("tokenizer.ggml.tokens");
        int[] types = metadata.integers("tokenizer.ggml.token_type");
        if (types.length != tokens.size()) {
            throw new WeightsException(file.path() + ": tokenizer.ggml.token_type: " + types.length + " (expected: "
                    + tokens.size() + ", one for each token)");
        }
        var builder = new Builder(file.path(), tokens.size(), preTokenizer);
        for (int id = 0; id < types.length; id++) {
            builder.token(id, tokens.get(id));
            if (types[id] == GGUF_CONTROL || types[id] == GGUF_USER_DEFINED) {
                builder.literal(id, types[id] == GGUF_CONTROL);
            }
        }
        for (String merge : metadata.strings("tokenizer.ggml.merges")) {
            int space = merge.indexOf(' ', 1);
            builder.merge(space < 0 ? merge : merge.substring(0, space), space < 0 ? "" : merge.substring(space + 1));
        }
        return builder.build();
    }

    /**
     * The tokenizer of a Hugging Face tokenizer.json with a byte-level BPE model.
     *
     * @throws WeightsException when the file cannot be read, is of another kind, or is inconsistent
     */
    public static ByteLevelBpe ofJson(Path file) {
        return TokenizerJson.read(file);
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

    /** Collects and checks what a file says. */
    static final class Builder {
        private record Merge(int left, int right, int result) {}

        private final Path file;
        private final PreTokenizer preTokenizer;
        private final String[] names;
        private final Map<String, Integer> ids;
        private final BitSet literal = new BitSet();
        private final BitSet control = new BitSet();
        private final List<Merge> merges = new ArrayList<>();

        Builder(Path file, int vocabulary, PreTokenizer preTokenizer) {
            if (vocabulary == 0) {
                throw new WeightsException(file + ": an empty vocabulary (expected: at least one token)");
            }
            this.file = file;
            this.preTokenizer = preTokenizer;
            names = new String[vocabulary];
            ids = HashMap.newHashMap(vocabulary);
        }

        void token(int id, String name) {
            if (id < 0 || id >= names.length || names[id] != null) {
                throw new WeightsException(file + ": token id " + id + " of '" + name + "' (expected: each of 0 to "
                        + (names.length - 1) + " once)");
            }
            if (ids.put(name, id) != null) {
                throw new WeightsException(file + ": token '" + name + "' appears twice (expected: once)");
            }
            names[id] = name;
        }

        /** A token that stands for its own name and is cut out of the text before anything else. */
        void literal(int id, boolean isControl) {
            if (names[id].isEmpty()) {
                throw new WeightsException(file + ": token " + id + ": an empty name (expected: some characters)");
            }
            literal.set(id);
            control.set(id, isControl);
        }

        /** Merges are added in the order of their rank. */
        void merge(String left, String right) {
            merges.add(new Merge(idOf(left), idOf(right), idOf(left + right)));
        }

        ByteLevelBpe build() {
            for (int id = 0; id < names.length; id++) {
                if (names[id] == null) {
                    throw new WeightsException(file + ": no token has id " + id + " (expected: each of 0 to "
                            + (names.length - 1) + " once)");
                }
                if (!literal.get(id) && !ByteAlphabet.covers(names[id])) {
                    throw new WeightsException(file + ": token " + id + " '" + names[id]
                            + "' (expected: characters of the byte-level alphabet)");
                }
            }
            return new ByteLevelBpe(this);
        }

        private int idOf(String name) {
            Integer id = ids.get(name);
            if (id == null) {
                throw new WeightsException(file + ": merge " + merges.size() + ": '" + name
                        + "' is no token (expected: tokens of the vocabulary)");
            }
            return id;
        }

        private MergeTable mergeTable() {
            var table = new MergeTable(merges.size());
            for (int rank = 0; rank < merges.size(); rank++) {
                Merge merge = merges.get(rank);
                // Nothing that a user writes may turn into a control token, whatever the file says.
                if (!control.get(merge.result)) {
                    table.put(merge.left, merge.right, rank, merge.result);
                }
            }
            return table;
        }

        private LiteralTokens literals(boolean withControl) {
            var tokens = new ArrayList<LiteralTokens.Literal>();
            literal.stream()
                    .filter(id -> withControl || !control.get(id))
                    .forEach(id -> tokens.add(new LiteralTokens.Literal(names[id], id)));
            tokens.sort(Comparator.comparingInt(
                            (LiteralTokens.Literal t) -> t.name().length())
                    .reversed());
            return new LiteralTokens(tokens);
        }
    }
}
