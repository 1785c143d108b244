package longreach.tensor.tokenizer;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import longreach.tensor.weights.WeightsException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads tokenizer.json of Hugging Face tokenizers as far as it describes a byte-level BPE tokenizer without
 * normalisation: the model, the added tokens, and the pre-tokenizer ByteLevel, alone or after single digits. Anything
 * that would change the ids and is not understood is an error. The post-processor is not applied: a template's tokens
 * are the caller's business.
 */
final class TokenizerJson {
    private static final JsonMapper JSON = JsonMapper.shared();

    private final Path file;

    private TokenizerJson(Path file) {
        this.file = file;
    }

    static ByteLevelBpe read(Path file) {
        var reader = new TokenizerJson(file);
        if (!Files.isRegularFile(file)) {
            throw new WeightsException(file + ": missing (expected: a tokenizer.json)");
        }
        JsonNode root;
        try {
            root = JSON.readTree(file.toFile());
        } catch (JacksonException e) {
            throw new WeightsException(file + ": not JSON (expected: a tokenizer.json): " + e.getOriginalMessage(), e);
        }
        return reader.tokenizer(root);
    }

    private ByteLevelBpe tokenizer(JsonNode root) {
        JsonNode model = root.path("model");
        expect(model.path("type").asString(""), "BPE", "model.type");
        absent(root, "normalizer");
        absent(model, "dropout");
        absent(model, "unk_token");
        absent(model, "continuing_subword_prefix");
        absent(model, "end_of_word_suffix");
        if (model.path("ignore_merges").asBoolean(false)
                || model.path("byte_fallback").asBoolean(false)) {
            throw problem("model", "ignore_merges or byte_fallback (expected: neither)");
        }
        JsonNode vocab = model.path("vocab");
        JsonNode added = root.path("added_tokens");
        var builder = new ByteLevelBpe.Builder(file, vocabulary(vocab, added), preTokenizer(root));
        for (Map.Entry<String, JsonNode> token : vocab.properties()) {
            builder.token(integer(token.getValue(), "model.vocab"), token.getKey());
        }
        for (JsonNode token : added) {
            addToken(builder, vocab, token);
        }
        for (JsonNode merge : model.path("merges")) {
            addMerge(builder, merge);
        }
        return builder.build();
    }

    /** Distinct tokens of the vocabulary and the added ones. */
    private int vocabulary(JsonNode vocab, JsonNode added) {
        int count = vocab.size();
        for (JsonNode token : added) {
            if (!vocab.has(token.path("content").asString(""))) {
                count++;
            }
        }
        return count;
    }

    private void addToken(ByteLevelBpe.Builder builder, JsonNode vocab, JsonNode token) {
        String content = token.path("content").asString("");
        int id = integer(token.path("id"), "added_tokens");
        for (String option : new String[] {"lstrip", "rstrip", "single_word"}) {
            if (token.path(option).asBoolean(false)) {
                throw problem("added_tokens: " + content, option + " (expected: an exact match)");
            }
        }
        JsonNode known = vocab.path(content);
        if (known.isMissingNode()) {
            builder.token(id, content);
        } else if (integer(known, "model.vocab") != id) {
            throw problem("added_tokens: " + content, "id " + id + " (expected: " + known + " as in the vocabulary)");
        }
        builder.literal(id, token.path("special").asBoolean(false));
    }

    /** Older files write a merge as one string, newer ones as a pair. */
    private void addMerge(ByteLevelBpe.Builder builder, JsonNode merge) {
        if (merge.isArray() && merge.size() == 2) {
            builder.merge(merge.path(0).asString(""), merge.path(1).asString(""));
            return;
        }
        String text = merge.asString("");
        int space = text.indexOf(' ', 1);
        if (space < 0) {
            throw problem("model.merges", merge + " (expected: two tokens)");
        }
        builder.merge(text.substring(0, space), text.substring(space + 1));
    }

    private PreTokenizer preTokenizer(JsonNode root) {
        JsonNode pre = root.path("pre_tokenizer");
        if (pre.path("type").asString("").equals("Sequence")) {
            JsonNode parts = pre.path("pretokenizers");
            expect(parts.path(0).path("type").asString(""), "Digits", "pre_tokenizer[0].type");
            expect(parts.path(0).path("individual_digits").asString(""), "true", "pre_tokenizer[0].individual_digits");
            if (parts.size() != 2) {
                throw problem("pre_tokenizer", parts.size() + " steps (expected: Digits, ByteLevel)");
            }
            byteLevel(parts.path(1));
            return PreTokenizer.SINGLE_DIGITS;
        }
        byteLevel(pre);
        return PreTokenizer.GPT2;
    }

    private void byteLevel(JsonNode pre) {
        expect(pre.path("type").asString(""), "ByteLevel", "pre_tokenizer.type");
        if (pre.path("add_prefix_space").asBoolean(true)
                || !pre.path("use_regex").asBoolean(true)) {
            throw problem("pre_tokenizer", pre + " (expected: add_prefix_space false, use_regex true)");
        }
    }

    private int integer(JsonNode node, String item) {
        if (!node.isInt()) {
            throw problem(item, node + " (expected: a token id)");
        }
        return node.intValue();
    }

    private void absent(JsonNode parent, String field) {
        JsonNode node = parent.path(field);
        if (!node.isMissingNode() && !node.isNull() && !node.asString("-").isEmpty()) {
            throw problem(field, node + " (expected: none)");
        }
    }

    private void expect(String found, String expected, String item) {
        if (!found.equals(expected)) {
            throw problem(item, "'" + found + "' (expected: " + expected + ")");
        }
    }

    private WeightsException problem(String item, String what) {
        return new WeightsException(file + ": " + item + ": " + what);
    }
}
