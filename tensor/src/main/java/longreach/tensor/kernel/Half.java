package longreach.tensor.kernel;

/** Rounding to binary16 as {@link KvPage.Type#F16} defines it. */
public final class Half {
    private Half() {}

    /** Nearest binary16, ties to even; results in the subnormal range become a zero of the same sign. */
    public static short round(float value) {
        return withoutSubnormals(Float.floatToFloat16(value));
    }

    static short withoutSubnormals(short half) {
        return (half & 0x7c00) == 0 ? (short) (half & 0x8000) : half;
    }
}
