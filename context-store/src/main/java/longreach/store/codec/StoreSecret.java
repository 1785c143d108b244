package longreach.store.codec;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import longreach.store.api.Digest;
import longreach.store.api.Tenant;

/**
 * The deployment's secret, shared by every process that reads or writes its chunks. Salts, namespaces and sealing keys
 * are derived from it by HMAC-SHA-256 under distinct labels. Who loses it loses the contexts: they become foreign.
 */
public final class StoreSecret {
    private static final String MAC = "HmacSHA256";
    private static final int BYTES = 32;
    private static final int MAX_TENANT_CHARACTERS = 256;

    /** Seals that are kept, some 18 kB each: making one takes a hundred AES blocks. */
    private static final int MOST_SEALS = 256;

    private final SecretKeySpec key;
    private final Map<String, Seal> seals = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Seal> eldest) {
            return size() > MOST_SEALS;
        }
    };

    private StoreSecret(byte[] secret) {
        this.key = new SecretKeySpec(secret, MAC);
    }

    /** @throws IllegalArgumentException if it is shorter than 32 bytes */
    public static StoreSecret of(byte[] secret) {
        if (secret.length < BYTES) {
            throw new IllegalArgumentException(
                    "store secret: " + secret.length + " bytes (expected: at least " + BYTES + ")");
        }
        return new StoreSecret(secret.clone());
    }

    /** A secret that no other process knows: for stores that die with this one. */
    public static StoreSecret random() {
        byte[] secret = new byte[BYTES];
        new SecureRandom().nextBytes(secret);
        return new StoreSecret(secret);
    }

    /**
     * Reads the secret, 64 hexadecimal digits, from a file; makes a random one there if the file does not exist,
     * readable by its owner alone. Processes that start together agree on one.
     *
     * @throws IOException if the file can be neither read nor made, or holds something else
     */
    public static StoreSecret loadOrCreate(Path file) throws IOException {
        if (!Files.exists(file)) {
            create(file);
        }
        String text = Files.readString(file, StandardCharsets.US_ASCII).strip();
        if (!text.matches("[0-9a-fA-F]{" + 2 * BYTES + "}")) {
            throw new IOException(file + ": not a store secret (expected: " + 2 * BYTES + " hexadecimal digits)");
        }
        return new StoreSecret(HexFormat.of().parseHex(text));
    }

    private static void create(Path file) throws IOException {
        byte[] secret = new byte[BYTES];
        new SecureRandom().nextBytes(secret);
        Path directory = file.toAbsolutePath().getParent();
        Files.createDirectories(directory);
        // Temporary files are made for the owner alone; the link makes the complete file appear at once, or not at all.
        Path temporary = Files.createTempFile(directory, ".secret", null);
        try {
            Files.writeString(temporary, HexFormat.of().formatHex(secret) + "\n", StandardCharsets.US_ASCII);
            if (Files.getFileStore(temporary).supportsFileAttributeView("posix")) {
                Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rw-------"));
            }
            Files.createLink(file, temporary);
        } catch (FileAlreadyExistsException e) {
            // Another process was first: its secret is the one to read.
            return;
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    /** @throws IllegalArgumentException if the name is empty or longer than 256 characters */
    public Tenant tenant(String name) {
        if (name.isEmpty() || name.length() > MAX_TENANT_CHARACTERS) {
            throw new IllegalArgumentException(
                    "tenant: " + name.length() + " characters (expected: 1 to " + MAX_TENANT_CHARACTERS + ")");
        }
        byte[] namespace = Arrays.copyOf(derive("tenant-namespace/1", name), 16);
        return new Tenant(
                Digest.of(derive("tenant-salt/1", name)), HexFormat.of().formatHex(namespace));
    }

    /** The seal of a tenant's values. */
    Seal seal(Tenant tenant) {
        synchronized (seals) {
            return seals.computeIfAbsent(tenant.namespace(), this::newSeal);
        }
    }

    private Seal newSeal(String namespace) {
        byte[] hashKey = Arrays.copyOf(derive("seal-hash/2", namespace), UniversalHash.KEY_BYTES);
        return new Seal(new SecretKeySpec(derive("seal/2", namespace), MAC), new UniversalHash(hashKey));
    }

    private byte[] derive(String label, String of) {
        Mac mac = mac(key);
        mac.update(label.getBytes(StandardCharsets.US_ASCII));
        mac.update((byte) 0);
        return mac.doFinal(of.getBytes(StandardCharsets.UTF_8));
    }

    static Mac mac(SecretKeySpec key) {
        try {
            Mac mac = Mac.getInstance(MAC);
            mac.init(key);
            return mac;
        } catch (NoSuchAlgorithmException | InvalidKeyException e) {
            throw new IllegalStateException("every Java platform has " + MAC, e);
        }
    }
}
