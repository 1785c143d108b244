package longreach.store.api;

import java.util.Objects;

/**
 * A tenant as the store sees it. Both values are derived from the tenant's name under the deployment's secret
 * ({@link ChunkStore#tenant}), so neither tells the name.
 *
 * @param salt goes into every chunk key: equal prompts of two tenants share nothing
 * @param namespace lower-case hexadecimal; prefixes every Redis key, so that erasure can find them
 */
public record Tenant(Digest salt, String namespace) {
    public Tenant {
        Objects.requireNonNull(salt, "salt");
        if (!namespace.matches("[0-9a-f]{16,64}")) {
            throw new IllegalArgumentException("namespace: " + namespace + " (expected: 16 to 64 hexadecimal digits)");
        }
    }
}
