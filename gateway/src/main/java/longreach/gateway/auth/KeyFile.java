package longreach.gateway.auth;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * The keys that were created here, in one small JSON file. A key is 32 random bytes and stands in it as its SHA-256 alone:
 * that much entropy needs no salt and no slow hash. Whoever may write the file may create keys. Written as a whole and
 * put into place at once, so that servers that read it meanwhile see the old or the new one.
 */
public final class KeyFile {
    private static final String KEY_PREFIX = "lr-";
    private static final int KEY_BYTES = 32;
    private static final int ID_BYTES = 5;
    private static final int MAX_LABEL = 100;
    private static final long MAX_FILE_BYTES = 16 << 20;
    private static final Gson JSON = new GsonBuilder().setPrettyPrinting().create();

    private final Path path;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();

    /**
     * @param id names the key to people
     * @param sha256 of the key, hexadecimal
     * @param label what it is for; may be empty
     * @param created an instant, as {@link Instant#toString} writes it
     * @param revoked the same; null: it is let in
     */
    public record StoredKey(
            String id,
            String sha256,
            String tenant,
            String label,
            String created,
            String revoked,
            Tenant.Limits limits) {
        public boolean active() {
            return revoked == null;
        }
    }

    private record Contents(List<StoredKey> keys) {}

    /** @param key to be shown once; it is kept nowhere */
    public record Created(String key, StoredKey stored) {}

    public KeyFile(Path path, Clock clock) {
        this.path = path;
        this.clock = clock;
    }

    public Path path() {
        return path;
    }

    /** Oldest first; empty when there is no file. @throws IOException also when it is no file of keys */
    public List<StoredKey> load() throws IOException {
        String text;
        try {
            if (Files.size(path) > MAX_FILE_BYTES) {
                throw new IOException(path + ": more than " + MAX_FILE_BYTES + " bytes (expected: a file of keys)");
            }
            text = Files.readString(path);
        } catch (NoSuchFileException e) {
            return List.of();
        }
        try {
            var contents = JSON.fromJson(text, Contents.class);
            if (contents == null || contents.keys() == null) {
                throw new IOException(path + ": no keys in it (expected: {\"keys\": [...]})");
            }
            for (var key : contents.keys()) {
                check(key);
            }
            return List.copyOf(contents.keys());
        } catch (JsonParseException | IllegalArgumentException e) {
            throw new IOException(path + ": not a file of keys: " + e.getMessage(), e);
        }
    }

    private static void check(StoredKey key) {
        if (key == null
                || key.id() == null
                || key.tenant() == null
                || key.limits() == null
                || key.sha256() == null
                || !key.sha256().matches("[0-9a-f]{64}")) {
            throw new IllegalArgumentException("a key without id, sha256, tenant or limits");
        }
        new Tenant(key.tenant());
    }

    /**
     * @param tenant empty: a new one of its own
     * @throws IllegalArgumentException when the tenant's name or the label will not do
     */
    public Created create(String tenant, String label, Tenant.Limits limits) throws IOException {
        byte[] secret = new byte[KEY_BYTES];
        random.nextBytes(secret);
        var key = KEY_PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(secret);
        byte[] idBytes = new byte[ID_BYTES];
        random.nextBytes(idBytes);
        var id = "k" + HexFormat.of().formatHex(idBytes);
        var owner = tenant.isEmpty() ? "team-" + id : tenant;
        new Tenant(owner);
        if (owner.startsWith(ApiKeys.DERIVED)) {
            throw new IllegalArgumentException("tenant: " + owner + " (expected: a name that does not begin with "
                    + ApiKeys.DERIVED + ", as those of --api-key do)");
        }
        if (label.length() > MAX_LABEL) {
            throw new IllegalArgumentException(
                    "label: " + label.length() + " characters (expected: at most " + MAX_LABEL + ")");
        }
        var stored = new StoredKey(id, HexFormat.of().formatHex(digest(key)), owner, label, now(), null, limits);
        change(keys -> {
            var more = new ArrayList<>(keys);
            more.add(stored);
            return more;
        });
        return new Created(key, stored);
    }

    /** @return whether there was such a key that was let in */
    public boolean revoke(String id) throws IOException {
        boolean[] found = {false};
        UnaryOperator<StoredKey> revoke = key -> {
            if (!key.id().equals(id) || !key.active()) {
                return key;
            }
            found[0] = true;
            return new StoredKey(key.id(), key.sha256(), key.tenant(), key.label(), key.created(), now(), key.limits());
        };
        change(keys -> keys.stream().map(revoke).toList());
        return found[0];
    }

    private String now() {
        return clock.instant().truncatedTo(ChronoUnit.SECONDS).toString();
    }

    private void change(Function<List<StoredKey>, List<StoredKey>> change) throws IOException {
        var folder = path.toAbsolutePath().getParent();
        Files.createDirectories(folder);
        // Two commands at once change it one after the other.
        try (var channel = FileChannel.open(
                        folder.resolve(path.getFileName() + ".lock"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE);
                var lock = channel.lock()) {
            var next = Files.createTempFile(folder, "keys", ".tmp");
            if (Files.getFileStore(folder).supportsFileAttributeView("posix")) {
                Files.setPosixFilePermissions(next, PosixFilePermissions.fromString("rw-------"));
            }
            Files.writeString(next, JSON.toJson(new Contents(change.apply(load()))) + "\n");
            Files.move(next, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    static byte[] digest(String key) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
