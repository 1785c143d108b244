package longreach.tensor.tokenizer;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import longreach.tensor.weights.WeightsException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads tokenizer.json of Hugging Face tokenizers as far as it describes a BPE tokenizer of one of two kinds. Byte-level:
 * no normalisation, and the pre-tokenizer ByteLevel, alone or after single digits. SentencePiece's: byte fallback, and
 * spaces that become U+2581, as in Gemma's. Anything that would change the ids and is not understood is an error. Of the
 * post-processor only the token that a text begins with is read, and left to the caller.
 */
final class TokenizerJson {
    private static final JsonMapper JSON = JsonMapper.shared();

    private final Path file;

    private TokenizerJson(Path file) {
        this.file = file;
    }

    static Tokenizer read(Path file) {
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

    private Tokenizer tokenizer(JsonNode root) {
        JsonNode model = root.path("model");
        expect(model.path("type").asString(""), "BPE", "model.type");
        absent(model, "dropout");
        absent(model, "continuing_subword_prefix");
        absent(model, "end_of_word_suffix");
        if (model.path("ignore_merges").asBoolean(false)) {
            throw problem("model.ignore_merges", "true (expected: false)");
        }
        boolean byteFallback = model.path("byte_fallback").asBoolean(false);
        PreTokenizer preTokenizer = null;
        boolean spacePrefix = false;
        if (byteFallback) {
            spacePrefix = spacePrefix(root);
        } else {
            absent(root, "normalizer");
            absent(model, "unk_token");
            preTokenizer = preTokenizer(root);
        }
        JsonNode vocab = model.path("vocab");
        JsonNode added = root.path("added_tokens");
        var builder = new TokenizerBuilder(file, vocabulary(vocab, added));
        for (Map.Entry<String, JsonNode> token : vocab.properties()) {
            builder.token(integer(token.getValue(), "model.vocab"), token.getKey());
        }
        for (JsonNode token : added) {
            addToken(builder, vocab, token);
        }
        for (JsonNode merge : model.path("merges")) {
            addMerge(builder, merge);
        }
        begin(root.path("post_processor"), builder);
        return byteFallback ? builder.sentencePiece(spacePrefix) : builder.byteLevel(preTokenizer);
    }

    /** Checks that spaces become U+2581 and that nothing else is changed or cut; true when one is put in front. */
    private boolean spacePrefix(JsonNode root) {
        JsonNode pre = root.path("pre_tokenizer");
        // Normalisation leaves no space to cut at.
        boolean cutsNothing = pre.isNull()
                || pre.isMissingNode()
                || pre.path("type").asString("").equals("Split")
                        && pre.path("pattern").path("String").asString("").equals(" ");
        if (!cutsNothing) {
            throw problem("pre_tokenizer", pre.path("type") + " (expected: none, or one that splits at spaces)");
        }
        JsonNode normalizer = root.path("normalizer");
        boolean prefix = false;
        if (normalizer.path("type").asString("").equals("Sequence")) {
            JsonNode steps = normalizer.path("normalizers");
            expect(steps.path(0).path("type").asString(""), "Prepend", "normalizer[0].type");
            expect(steps.path(0).path("prepend").asString(""), "\u2581", "normalizer[0].prepend");
            if (steps.size() != 2) {
                throw problem("normalizer", steps.size() + " steps (expected: Prepend, Replace)");
            }
            normalizer = steps.path(1);
            prefix = true;
        }
        expect(normalizer.path("type").asString(""), "Replace", "normalizer.type");
        expect(normalizer.path("pattern").path("String").asString(""), " ", "normalizer.pattern");
        expect(normalizer.path("content").asString(""), "\u2581", "normalizer.content");
        return prefix;
    }

    /** A template for one text that begins with a special token names that token's id. */
    private void begin(JsonNode postProcessor, TokenizerBuilder builder) {
        if (postProcessor.path("type").asString("").equals("Sequence")) {
            for (JsonNode step : postProcessor.path("processors")) {
                begin(step, builder);
            }
            return;
        }
        String first = postProcessor
                .path("single")
                .path(0)
                .path("SpecialToken")
                .path("id")
                .asString("");
        if (postProcessor.path("type").asString("").equals("TemplateProcessing") && !first.isEmpty()) {
            JsonNode ids = postProcessor.path("special_tokens").path(first).path("ids");
            builder.begin(integer(ids.path(0), "post_processor.special_tokens"));
        }
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

    private void addToken(TokenizerBuilder builder, JsonNode vocab, JsonNode token) {
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
    private void addMerge(TokenizerBuilder builder, JsonNode merge) {
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
