package longreach.tensor.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.GgufMetadata;
import longreach.tensor.weights.WeightsException;

/**
 * Byte pair encoding over characters, as SentencePiece does it (Kudo and Richardson 2018) and the tokenizers of Gemma and
 * Llama 2: a space is written U+2581, the whole text is one word, and a character that the vocabulary lacks becomes the
 * tokens of its UTF-8 bytes. Agrees with Hugging Face tokenizers.
 *
 * <p>A surrogate without its partner, which no UTF-8 text can have, is read as U+FFFD. A U+2581 in a text comes back as a
 * space.
 */
public final class SentencePieceBpe implements Tokenizer {
    static final char SPACE = '\u2581';

    private final String[] names;
    private final byte[][] bytes;
    private final Map<String, Integer> ids;
    private final BitSet control;
    private final boolean spacePrefix;
    private final OptionalInt begin;
    private final MergeTable merges;
    // id of each character
    private final Map<Integer, Integer> characters = new HashMap<>();
    // id of each byte, or NONE
    private final int[] byteIds = new int[256];
    private final int unknown;
    private final LiteralTokens always;
    private final LiteralTokens withControl;

    /** @param spacePrefix whether a text, and what follows a control token, is read as if a space came first */
    SentencePieceBpe(TokenizerBuilder builder, boolean spacePrefix) {
        names = builder.names;
        ids = builder.ids;
        control = builder.control;
        begin = builder.begin;
        this.spacePrefix = spacePrefix;
        for (int b = 0; b < 256; b++) {
            byteIds[b] = ids.getOrDefault("<0x%02X>".formatted(b), MergeTable.NONE);
        }
        unknown = ids.getOrDefault("<unk>", MergeTable.NONE);
        bytes = new byte[names.length][];
        for (int id = 0; id < names.length; id++) {
            String name = names[id];
            bytes[id] = (control.get(id) ? name : name.replace(SPACE, ' ')).getBytes(StandardCharsets.UTF_8);
            if (name.codePointCount(0, name.length()) == 1 && !control.get(id) && !builder.apart.get(id)) {
                characters.put(name.codePointAt(0), id);
            }
        }
        for (int b = 0; b < 256; b++) {
            if (byteIds[b] != MergeTable.NONE) {
                bytes[byteIds[b]] = new byte[] {(byte) b};
            }
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
    public static SentencePieceBpe of(GgufFile file) {
        GgufMetadata metadata = file.metadata();
        String model = metadata.string("tokenizer.ggml.model");
        if (!model.equals("llama") && !model.equals("gemma")) {
            throw new WeightsException(
                    file.path() + ": tokenizer.ggml.model: " + model + " (expected: llama or gemma, SentencePiece)");
        }
        var builder = TokenizerBuilder.of(file, metadata.flag("tokenizer.ggml.add_bos_token", true));
        builder.mergesByScore(metadata.floats("tokenizer.ggml.scores"));
        return builder.sentencePiece(metadata.flag("tokenizer.ggml.add_space_prefix", true));
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

    private void encodePlain(String text, int start, int end, PairMerger merger, IntList out) {
        if (start == end) {
            return;
        }
        merger.clear();
        if (spacePrefix) {
            addCharacter(SPACE, merger);
        }
        for (int i = start; i < end; ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            if (i > end || c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                c = 0xFFFD;
            }
            addCharacter(c == ' ' ? SPACE : c, merger);
        }
        merger.mergeInto(out);
    }

    private void addCharacter(int c, PairMerger merger) {
        Integer id = characters.get(c);
        if (id != null) {
            merger.add(id);
            return;
        }
        byte[] utf8 = Character.toString(c).getBytes(StandardCharsets.UTF_8);
        for (byte b : utf8) {
            if (byteIds[b & 0xff] == MergeTable.NONE) {
                if (unknown != MergeTable.NONE) {
                    merger.add(unknown);
                }
                return;
            }
        }
        for (byte b : utf8) {
            merger.add(byteIds[b & 0xff]);
        }
    }

    @Override
    public String decode(int... tokens) {
        var out = new ByteArrayOutputStream();
        for (int id : tokens) {
            if (!isControl(id)) {
                out.writeBytes(bytes[id]);
            }
        }
        String text = out.toString(StandardCharsets.UTF_8);
        return spacePrefix && text.startsWith(" ") ? text.substring(1) : text;
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
}
