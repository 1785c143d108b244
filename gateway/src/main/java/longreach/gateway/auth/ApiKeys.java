package longreach.gateway.auth;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import longreach.gateway.error.ApiException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys that are let in: those of the settings, and those of a {@link KeyFile}, which is read again when it changes.
 * Found by digest; the keys themselves are kept and logged nowhere.
 */
public final class ApiKeys {
    /** How the tenants of the settings' keys begin. */
    static final String DERIVED = "t-";

    private static final Logger LOG = LoggerFactory.getLogger(ApiKeys.class);
    private static final String OPEN_TENANT = "default";
    private static final int TENANT_BYTES = 16;
    private static final long LOOK_NANOS = Duration.ofMillis(500).toNanos();

    private final Map<String, Tenant> configured = new HashMap<>();
    private final Tenant.Limits limits;
    private final KeyFile file;
    private volatile Known known = new Known(Map.of(), false);
    private FileTime modified;
    private long looked;

    /** @param any whether the file ever held a key, be it revoked by now */
    private record Known(Map<String, Tenant> active, boolean any) {}

    /**
     * @param keys of the settings
     * @param salt of the names of their tenants
     * @param limits of every tenant for which a key says nothing else
     * @param file null: none
     * @throws IOException when the file cannot be read: then nobody knows who may come in
     */
    public ApiKeys(List<String> keys, String salt, Tenant.Limits limits, KeyFile file) throws IOException {
        this.limits = limits;
        this.file = file;
        for (var key : keys) {
            var name = KeyFile.digest(salt + "\0" + key.strip());
            configured.put(
                    HexFormat.of().formatHex(KeyFile.digest(key.strip())),
                    new Tenant(DERIVED + HexFormat.of().formatHex(name, 0, TENANT_BYTES), limits));
        }
        if (file != null) {
            modified = modified();
            known = read();
        }
    }

    /** Whether any key, or none, will do: no key was ever set or created. Revoking the last one opens nothing. */
    public boolean open() {
        return configured.isEmpty() && !current().any();
    }

    /**
     * @param key as the caller sent it, or null
     * @throws ApiException INVALID_ARGUMENT with reason API_KEY_INVALID
     */
    public Tenant admit(String key) {
        var file = current();
        if (configured.isEmpty() && !file.any()) {
            return new Tenant(OPEN_TENANT, limits);
        }
        if (key == null || key.isBlank()) {
            throw ApiException.badKey();
        }
        // Looking a digest up tells nothing about the keys that it is not the digest of.
        var digest = HexFormat.of().formatHex(KeyFile.digest(key.strip()));
        var tenant = configured.getOrDefault(digest, file.active().get(digest));
        if (tenant == null) {
            throw ApiException.badKey();
        }
        return tenant;
    }

    private Known current() {
        if (file == null) {
            return known;
        }
        synchronized (this) {
            long now = System.nanoTime();
            if (looked != 0 && now - looked < LOOK_NANOS) {
                return known;
            }
            looked = now;
            try {
                var at = modified();
                if (at != null && !at.equals(modified)) {
                    known = read();
                    modified = at;
                }
            } catch (IOException e) {
                // Whoever was let in stays so, and nobody else, until it can be read again.
                LOG.error("keys: {}", e.getMessage());
            }
            return known;
        }
    }

    private FileTime modified() throws IOException {
        return Files.exists(file.path()) ? Files.getLastModifiedTime(file.path()) : null;
    }

    /** All keys of a tenant have the limits of its newest. */
    private Known read() throws IOException {
        var keys = file.load();
        var newest = new HashMap<String, Tenant>();
        keys.stream()
                .filter(KeyFile.StoredKey::active)
                .forEach(key -> newest.put(
                        key.tenant(), new Tenant(key.tenant(), key.limits().or(limits))));
        var active = new HashMap<String, Tenant>();
        keys.stream()
                .filter(KeyFile.StoredKey::active)
                .forEach(key -> active.put(key.sha256(), newest.get(key.tenant())));
        return new Known(active, !keys.isEmpty());
    }
}
