package longreach.store.api;

/**
 * How a payload's elements are encoded. The number is what the header holds; numbers are never used again.
 *
 * <p>Q8 and Q4 keep blocks of 32 elements of a row, the last one of it shorter: Q8 a binary16 step and a signed byte each;
 * Q4 a binary16 step and minimum and four bits each.
 */
public enum Codec {
    F32(1),
    F16(2),
    Q8(3),
    Q4(4);

    private final int number;

    Codec(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    /** @return null for a number that this version does not know */
    public static Codec ofNumber(int number) {
        for (Codec codec : values()) {
            if (codec.number == number) {
                return codec;
            }
        }
        return null;
    }
}
