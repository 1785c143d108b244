package longreach.store.api;

/**
 * Names a chunk by everything that its keys and values depend on; made by {@link KeyChain}. All 32 bytes are kept
 * wherever a key goes. {@code toString} is the hexadecimal form, safe to log: it tells nothing without the tenant's salt.
 */
public record ChunkKey(Digest digest) {
    /** The parent of a first chunk. */
    public static final ChunkKey ROOT = new ChunkKey(Digest.ZERO);

    /** @throws IllegalArgumentException if the length is not 32 */
    public static ChunkKey of(byte[] bytes) {
        return new ChunkKey(Digest.of(bytes));
    }

    public byte[] bytes() {
        return digest.bytes();
    }

    public String hex() {
        return digest.hex();
    }

    @Override
    public String toString() {
        return hex();
    }
}
