package longreach.lm.grammar;

/** The grammar asks for bytes that no token of the vocabulary has. */
public final class UnspeakableException extends IllegalArgumentException {
    UnspeakableException() {
        super("schema: asks for characters that this model has no tokens for (expected: characters it can write)");
    }
}
