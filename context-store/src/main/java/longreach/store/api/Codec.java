package longreach.store.api;

/** How a payload's elements are encoded. The number is what the header holds; numbers are never used again. */
public enum Codec {
    F32(1),
    F16(2);

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
