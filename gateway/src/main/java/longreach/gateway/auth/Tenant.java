package longreach.gateway.auth;

/**
 * Whose files and contexts a request sees, and how much of everything it may use. The name is safe as a directory name
 * and says nothing about the key.
 */
public record Tenant(String name, Limits limits) {
    /**
     * What a tenant may use in a minute; 0: as much as it likes.
     *
     * @param requests calls of any kind
     * @param tokens of prompts and answers
     * @param bytes of request bodies and uploads
     */
    public record Limits(long requests, long tokens, long bytes) {
        public static final Limits NONE = new Limits(0, 0, 0);

        public Limits {
            if (requests < 0 || tokens < 0 || bytes < 0) {
                throw new IllegalArgumentException("limits: requests " + requests + ", tokens " + tokens + ", bytes "
                        + bytes + " (expected: 0 or more)");
            }
        }

        /** The same, where nothing is said with what the other says. */
        Limits or(Limits other) {
            return new Limits(
                    requests > 0 ? requests : other.requests,
                    tokens > 0 ? tokens : other.tokens,
                    bytes > 0 ? bytes : other.bytes);
        }
    }

    public Tenant {
        if (!name.matches("[a-z0-9-]{1,64}")) {
            throw new IllegalArgumentException("tenant: " + name + " (expected: 1 to 64 of a-z, 0-9 and -)");
        }
    }

    public Tenant(String name) {
        this(name, Limits.NONE);
    }
}
