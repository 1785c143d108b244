package longreach.lm.engine;

import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import longreach.lm.prompt.PromptTokenizer;
import longreach.tensor.tokenizer.Tokenizer;

/** A checkpoint's tokenizer as prompts and answers see it. */
public final class ModelTokenizer implements PromptTokenizer, TokenText {
    private static final byte[] NOTHING = {};

    private final Tokenizer tokenizer;
    private final Map<String, Integer> controls = new HashMap<>();
    private final BitSet ends = new BitSet();

    /** @param ends ids that end an answer, as the checkpoint says; those that are no tokens are ignored */
    public ModelTokenizer(Tokenizer tokenizer, int... ends) {
        this.tokenizer = tokenizer;
        for (int id = 0; id < tokenizer.vocabulary(); id++) {
            if (tokenizer.isControl(id)) {
                controls.put(new String(tokenizer.bytes(id), StandardCharsets.UTF_8), id);
            }
        }
        for (int id : ends) {
            addEnd(id);
        }
        // A chat checkpoint names one of these as its end; a base model in the same family ends with the other.
        for (String name : new String[] {"<|im_end|>", "<|endoftext|>", "<end_of_turn>", "<eos>"}) {
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

    /** Ids of a whole text as the checkpoint's own encoder gives them: after the token that texts begin with, if any. */
    public int[] encodeText(String text) {
        int[] ids = tokenizer.encode(text, false);
        return IntStream.concat(tokenizer.begin().stream(), IntStream.of(ids)).toArray();
    }

    public int vocabulary() {
        return tokenizer.vocabulary();
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
}
