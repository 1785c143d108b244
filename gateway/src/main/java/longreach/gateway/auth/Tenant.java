package longreach.gateway.auth;

/** Whose files and contexts a request sees. The name is safe as a directory name and says nothing about the key. */
public record Tenant(String name) {
    public Tenant {
        if (!name.matches("[a-z0-9-]{1,64}")) {
            throw new IllegalArgumentException("tenant: " + name + " (expected: 1 to 64 of a-z, 0-9 and -)");
        }
    }
}
