package longreach.lm.grammar;

/** A schema that no grammar can be made of. The message names the place, the keyword and what was expected. */
public final class SchemaException extends IllegalArgumentException {
    private final String keyword;

    SchemaException(String path, String keyword, String found, String expected) {
        super("schema " + (path.isEmpty() ? "/" : path) + ": " + keyword + ": " + found + " (expected: " + expected
                + ")");
        this.keyword = keyword;
    }

    /** The keyword that it is about. */
    public String keyword() {
        return keyword;
    }
}
