package longreach.lm.sample;

/**
 * Says which tokens may come next, for answers that must have a form. It stands behind the tokens accepted so far; a
 * {@link #fork} goes its own way from there, for tokens that are drafted and may be taken back.
 */
public interface TokenMask {
    /**
     * Sets the logits of tokens that may not come next to minus infinity; at least one is left.
     *
     * @param logits logits[offset, offset + vocabulary)
     * @return the token, when only one may come next; else -1
     */
    int apply(float[] logits, int offset);

    /** Whether the token may come next. */
    boolean allows(int token);

    /** Goes on behind a token that is allowed. */
    void accept(int token);

    /** Whether the answer is whole and nothing but its end may come. */
    boolean ended();

    /** One that stands at the same place. */
    TokenMask fork();
}
