package longreach.tensor.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.OptionalInt;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.ModelFiles;

/** Text to token ids and back. Immutable. */
public interface Tokenizer {
    /**
     * The tokenizer that a model's files carry: GGUF metadata, or tokenizer.json.
     *
     * @throws longreach.tensor.weights.WeightsException when they carry none, one of a kind that is not known, or an inconsistent one
     */
    static Tokenizer of(ModelFiles files) {
        return switch (files) {
            case GgufFile file -> {
                String model = file.metadata().string("tokenizer.ggml.model");
                yield switch (model) {
                    case "gpt2" -> ByteLevelBpe.of(file);
                    case "llama", "gemma" -> SentencePieceBpe.of(file);
                    default -> throw file.metadata().problem("tokenizer.ggml.model", model, "gpt2, llama or gemma");
                };
            }
            case ModelDirectory directory -> TokenizerJson.read(directory.path().resolve("tokenizer.json"));
        };
    }

    /** The tokenizer of a Hugging Face tokenizer.json. */
    static Tokenizer ofJson(Path file) {
        return TokenizerJson.read(file);
    }

    /** Number of ids; valid ids are [0, vocabulary). */
    int vocabulary();

    /**
     * @param parseSpecial true: control tokens written in the text become their ids, for the markers of a chat
     *     template; false: they are ordinary text, for everything that comes from a user
     */
    int[] encode(String text, boolean parseSpecial);

    /**
     * The bytes that the token stands for, a copy; not always whole UTF-8 characters. Those of a control token are its
     * name.
     *
     * @throws IllegalArgumentException when there is no such id
     */
    byte[] bytes(int id);

    /** Whether the token steers the model (start of turn, end of text) instead of standing for text. */
    boolean isControl(int id);

    /** The token that the checkpoint wants a text to begin with; empty: none. {@link #encode} does not add it. */
    OptionalInt begin();

    /** The id of a token by its name in the vocabulary, such as {@code <|im_end|>}. */
    OptionalInt id(String token);

    /** The text of the ids without control tokens; bytes that are not UTF-8 become U+FFFD. */
    default String decode(int... ids) {
        var bytes = new ByteArrayOutputStream();
        for (int id : ids) {
            if (!isControl(id)) {
                bytes.writeBytes(bytes(id));
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /** A decoder for ids that arrive one by one. */
    default StreamingDecoder decoder() {
        return new StreamingDecoder(this);
    }
}
