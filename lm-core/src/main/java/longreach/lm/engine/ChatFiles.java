package longreach.lm.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.IntStream;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.GgufMetadata;
import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.ModelFiles;
import longreach.tensor.weights.WeightsException;

/**
 * What a model's files say of conversations beside the tokenizer.
 *
 * @param template in Jinja; a base model has none
 * @param begin text of the token that templates print as {@code bos_token}; may be empty
 * @param end of that which they print as {@code eos_token}
 * @param ends ids that end an answer
 */
record ChatFiles(Optional<String> template, String begin, String end, int[] ends) {
    private static final int MAX_TEMPLATE_BYTES = 1 << 20;

    static ChatFiles of(ModelFiles files) {
        return switch (files) {
            case GgufFile file -> of(file.metadata());
            case ModelDirectory directory -> of(directory);
        };
    }

    private static ChatFiles of(GgufMetadata metadata) {
        int begin = metadata.integer("tokenizer.ggml.bos_token_id", -1);
        int end = metadata.integer("tokenizer.ggml.eos_token_id", -1);
        var tokens = metadata.strings("tokenizer.ggml.tokens");
        return new ChatFiles(
                metadata.findString("tokenizer.chat_template"),
                begin < 0 || begin >= tokens.size() ? "" : tokens.get(begin),
                end < 0 || end >= tokens.size() ? "" : tokens.get(end),
                new int[] {end, metadata.integer("tokenizer.ggml.eot_token_id", -1)});
    }

    private static ChatFiles of(ModelDirectory directory) {
        Optional<JsonConfig> tokens = directory.json("tokenizer_config.json");
        IntStream ends = ends(directory.config());
        ends = IntStream.concat(
                ends,
                directory
                        .config()
                        .findObject("text_config")
                        .map(ChatFiles::ends)
                        .orElse(IntStream.empty()));
        ends = IntStream.concat(
                ends,
                directory.json("generation_config.json").map(ChatFiles::ends).orElse(IntStream.empty()));
        return new ChatFiles(
                template(directory, tokens),
                tokens.map(t -> token(t, "bos_token")).orElse(""),
                tokens.map(t -> token(t, "eos_token")).orElse(""),
                ends.toArray());
    }

    private static IntStream ends(JsonConfig config) {
        return config.has("eos_token_id") ? IntStream.of(config.integers("eos_token_id")) : IntStream.empty();
    }

    /** A token is written as its text, or as an object that has it. */
    private static String token(JsonConfig tokens, String key) {
        return tokens.findObject(key).map(token -> token.string("content")).orElseGet(() -> tokens.string(key, ""));
    }

    /** In a file of its own, else one string, else the one named "default" of several. */
    private static Optional<String> template(ModelDirectory directory, Optional<JsonConfig> tokens) {
        Path file = directory.path().resolve("chat_template.jinja");
        if (Files.isRegularFile(file)) {
            return Optional.of(read(file));
        }
        if (tokens.isEmpty() || !tokens.get().has("chat_template")) {
            return Optional.empty();
        }
        JsonConfig config = tokens.get();
        if (!config.isArray("chat_template")) {
            return Optional.of(config.string("chat_template"));
        }
        return config.objects("chat_template").stream()
                .filter(named -> named.string("name", "").equals("default"))
                .map(named -> named.string("template"))
                .findFirst();
    }

    private static String read(Path file) {
        try {
            if (Files.size(file) > MAX_TEMPLATE_BYTES) {
                throw new WeightsException(
                        file + ": " + Files.size(file) + " bytes (expected: at most " + MAX_TEMPLATE_BYTES + ")");
            }
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new WeightsException(file + ": cannot be read (expected: a chat template): " + e, e);
        }
    }
}
