package longreach.lm.kv;

/** Places unrotated keys: the model's positional embedding. The same code for computed and for restored keys. */
@FunctionalInterface
public interface KeyRotation {
    /** Rotates k[offset, offset + tokens * kvWidth) of a layer in place for positions [start, start + tokens). */
    void rotate(int layer, float[] k, int offset, int tokens, int start);
}
