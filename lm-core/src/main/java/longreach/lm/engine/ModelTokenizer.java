package longreach.lm.engine;

import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import longreach.lm.prompt.PromptTokenizer;
import longreach.tensor.tokenizer.Tokenizer;
import longreach.tensor.weights.GgufMetadata;

/** A checkpoint's tokenizer as prompts and answers see it. */
public final class ModelTokenizer implements PromptTokenizer, TokenText {
    private static final byte[] NOTHING = {};

    private final Tokenizer tokenizer;
    private final Map<String, Integer> controls = new HashMap<>();
    private final BitSet ends = new BitSet();

    public ModelTokenizer(Tokenizer tokenizer, GgufMetadata metadata) {
        this.tokenizer = tokenizer;
        for (int id = 0; id < tokenizer.vocabulary(); id++) {
            if (tokenizer.isControl(id)) {
                controls.put(new String(tokenizer.bytes(id), StandardCharsets.UTF_8), id);
            }
        }
        addEnd(metadata.integer("tokenizer.ggml.eos_token_id", -1));
        addEnd(metadata.integer("tokenizer.ggml.eot_token_id", -1));
        // A chat checkpoint names one of these as its end; a base model in the same family ends with the other.
        for (String name : new String[] {"<|im_end|>", "<|endoftext|>", "<end_of_turn>"}) {
            addEnd(controls.getOrDefault(name, -1));
        }
    }

    private void addEnd(int id) {
        if (id >= 0 && id < tokenizer.vocabulary()) {
            ends.set(id);
        }
    }

    @Override
    public int[] encode(String text) {
        return tokenizer.encode(text, false);
    }

    @Override
    public Map<String, Integer> controlTokens() {
        return controls;
    }

    @Override
    public byte[] bytes(int id) {
        return id >= tokenizer.vocabulary() || tokenizer.isControl(id) ? NOTHING : tokenizer.bytes(id);
    }

    @Override
    public boolean endsAnswer(int id) {
        return ends.get(id);
    }

    /** The tokens around thoughts, or null when the vocabulary has none. */
    public ThinkMarkers thinkMarkers() {
        OptionalInt open = tokenizer.id("<think>");
        OptionalInt close = tokenizer.id("</think>");
        return open.isPresent() && close.isPresent() ? new ThinkMarkers(open.getAsInt(), close.getAsInt()) : null;
    }

    /** The text of a token by id, for templates; empty when there is no such id. */
    String name(int id) {
        return id < 0 || id >= tokenizer.vocabulary() ? "" : new String(tokenizer.bytes(id), StandardCharsets.UTF_8);
    }
}
