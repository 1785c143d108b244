package longreach.lm.engine;

/** What the engine needs of a tokenizer. */
public interface TokenText {
    /** The bytes that a token stands for; none for a control token. */
    byte[] bytes(int id);

    /** Whether the model ends its turn with this token. */
    boolean endsAnswer(int id);
}
