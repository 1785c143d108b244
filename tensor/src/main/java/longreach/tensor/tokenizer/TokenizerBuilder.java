package longreach.tensor.tokenizer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.GgufMetadata;
import longreach.tensor.weights.WeightsException;

/** Collects and checks what a file says of a BPE tokenizer, and makes it. */
final class TokenizerBuilder {
    private static final int GGUF_UNKNOWN = 2;
    private static final int GGUF_CONTROL = 3;
    private static final int GGUF_USER_DEFINED = 4;
    private static final int GGUF_UNUSED = 5;
    private static final int GGUF_BYTE = 6;

    private record Merge(int left, int right, int rank, int result) {}

    private final Path file;
    final String[] names;
    final Map<String, Integer> ids;
    final BitSet literal = new BitSet();
    final BitSet control = new BitSet();
    // Tokens that neither text nor merging makes: those of bytes, and those that stand for nothing.
    final BitSet apart = new BitSet();
    OptionalInt begin = OptionalInt.empty();
    private final List<Merge> merges = new ArrayList<>();

    TokenizerBuilder(Path file, int vocabulary) {
        if (vocabulary == 0) {
            throw new WeightsException(file + ": an empty vocabulary (expected: at least one token)");
        }
        this.file = file;
        names = new String[vocabulary];
        ids = HashMap.newHashMap(vocabulary);
    }

    /** Tokens and their types as a GGUF file has them. */
    static TokenizerBuilder of(GgufFile file, boolean begins) {
        GgufMetadata metadata = file.metadata();
        List<String> tokens = metadata.strings("tokenizer.ggml.tokens");
        int[] types = metadata.integers("tokenizer.ggml.token_type");
        if (types.length != tokens.size()) {
            throw new WeightsException(file.path() + ": tokenizer.ggml.token_type: " + types.length + " (expected: "
                    + tokens.size() + ", one for each token)");
        }
        var builder = new TokenizerBuilder(file.path(), tokens.size());
        for (int id = 0; id < types.length; id++) {
            builder.token(id, tokens.get(id));
            switch (types[id]) {
                case GGUF_CONTROL, GGUF_UNKNOWN -> builder.literal(id, true);
                case GGUF_USER_DEFINED -> builder.literal(id, false);
                case GGUF_UNUSED, GGUF_BYTE -> builder.apart.set(id);
                default -> {}
            }
        }
        if (begins) {
            builder.begin(metadata.integer("tokenizer.ggml.bos_token_id"));
        }
        return builder;
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

    /** The token that a text begins with. */
    void begin(int id) {
        if (id < 0 || id >= names.length) {
            throw new WeightsException(file + ": first token: " + id + " (expected: 0 to " + (names.length - 1) + ")");
        }
        begin = OptionalInt.of(id);
    }

    /** Merges are added in the order of their rank. */
    void merge(String left, String right) {
        merges.add(new Merge(idOf(left), idOf(right), merges.size(), idOf(left + right)));
    }

    /**
     * Merges as SentencePiece has them: any two tokens whose joined text is a token, the one with the highest score
     * first.
     *
     * @param scores one for each token
     */
    void mergesByScore(float[] scores) {
        if (scores.length != names.length) {
            throw new WeightsException(file + ": tokenizer.ggml.scores: " + scores.length + " (expected: "
                    + names.length + ", one for each token)");
        }
        float[] distinct = scores.clone();
        Arrays.sort(distinct);
        for (int id = 0; id < names.length; id++) {
            String name = names[id];
            if (apart.get(id) || control.get(id)) {
                continue;
            }
            int rank = distinct.length - 1 - Arrays.binarySearch(distinct, scores[id]);
            for (int cut = 1; cut < name.length(); cut++) {
                Integer left = ids.get(name.substring(0, cut));
                Integer right = left == null ? null : ids.get(name.substring(cut));
                if (right != null && !apart.get(left) && !apart.get(right)) {
                    merges.add(new Merge(left, right, rank, id));
                }
            }
        }
    }

    ByteLevelBpe byteLevel(PreTokenizer preTokenizer) {
        checkComplete();
        for (int id = 0; id < names.length; id++) {
            if (!literal.get(id) && !ByteAlphabet.covers(names[id])) {
                throw new WeightsException(file + ": token " + id + " '" + names[id]
                        + "' (expected: characters of the byte-level alphabet)");
            }
        }
        return new ByteLevelBpe(this, preTokenizer);
    }

    SentencePieceBpe sentencePiece(boolean spacePrefix) {
        checkComplete();
        return new SentencePieceBpe(this, spacePrefix);
    }

    private void checkComplete() {
        for (int id = 0; id < names.length; id++) {
            if (names[id] == null) {
                throw new WeightsException(
                        file + ": no token has id " + id + " (expected: each of 0 to " + (names.length - 1) + " once)");
            }
        }
    }

    private int idOf(String name) {
        Integer id = ids.get(name);
        if (id == null) {
            throw new WeightsException(file + ": merge " + merges.size() + ": '" + name
                    + "' is no token (expected: tokens of the vocabulary)");
        }
        return id;
    }

    MergeTable mergeTable() {
        var table = new MergeTable(merges.size());
        for (Merge merge : merges) {
            // Nothing that a user writes may turn into a control token, whatever the file says.
            if (!control.get(merge.result)) {
                table.put(merge.left, merge.right, merge.rank, merge.result);
            }
        }
        return table;
    }

    LiteralTokens literals(boolean withControl) {
        var tokens = new ArrayList<LiteralTokens.Literal>();
        literal.stream()
                .filter(id -> withControl || !control.get(id))
                .forEach(id -> tokens.add(new LiteralTokens.Literal(names[id], id)));
        return new LiteralTokens(tokens);
    }
}
