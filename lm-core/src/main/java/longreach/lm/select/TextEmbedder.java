package longreach.lm.select;

/** A text to a vector of length 1; texts that mean alike are near each other. Safe for use by several threads. */
public interface TextEmbedder {
    /** Part of the key of what is stored. */
    String name();

    int dimensions();

    float[] embed(String text);
}
