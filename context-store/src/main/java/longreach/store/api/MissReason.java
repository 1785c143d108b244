package longreach.store.api;

/** Why a chunk or artifact was not had. */
public enum MissReason {
    ABSENT("never seen"),
    /** It was there, and made room for others. */
    EVICTED("evicted"),
    /** It was there, and was not used for as long as an unused chunk is kept. */
    EXPIRED("expired"),
    TIMEOUT("store too slow"),
    DOWN("store down"),
    /** Too short, lengths that do not add up, or a checksum that does not match. */
    CORRUPT("corrupt chunk"),
    /** Whole and consistent, but not sealed with this deployment's key. */
    FORGED("foreign chunk"),
    /** A sound value that belongs under another key. */
    WRONG_KEY("swapped chunk"),
    /** Another format, layout or codec version. */
    WRONG_VERSION("other version"),
    TOO_LARGE("chunk over the size limit");

    private final String text;

    MissReason(String text) {
        this.text = text;
    }

    /** For people: as it stands in the cache receipt. */
    public String text() {
        return text;
    }
}
