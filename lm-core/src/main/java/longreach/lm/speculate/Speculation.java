package longreach.lm.speculate;

/** Where guesses at the next tokens come from. */
public enum Speculation {
    OFF,
    /** From the context: what followed the last tokens where they occurred before. */
    LOOKUP,
    /** From a smaller model of the same vocabulary. */
    DRAFT
}
