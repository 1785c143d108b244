package longreach.store.codec;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import longreach.store.api.Chunk;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.Codec;
import longreach.store.api.Digest;
import longreach.store.api.Lookup;
import longreach.store.api.MissReason;
import longreach.store.api.Tenant;

/**
 * A chunk as one value: header of 128 bytes, payload, {@link Seal}. Little endian:
 *
 * <pre>
 *   0  magic "LRCHUNK\0"     48  parent, 32 bytes
 *   8  format version u16    80  first token u64
 *  10  codec u16             88  token count u32, then 4 bytes of zero
 *  12  layout version u32    96  payload bytes u64, then 24 bytes of zero
 *  16  key, 32 bytes        128  payload
 * </pre>
 *
 * The header's length keeps the payload on a 64-byte boundary.
 */
public final class ChunkFormat {
    public static final int FORMAT_VERSION = 2;
    public static final int HEADER_BYTES = 128;
    /** What a value holds besides its payload. */
    public static final int OVERHEAD_BYTES = HEADER_BYTES + Seal.BYTES;

    private static final long MAGIC = ByteBuffer.wrap(new byte[] {'L', 'R', 'C', 'H', 'U', 'N', 'K', 0})
            .order(ByteOrder.LITTLE_ENDIAN)
            .getLong();

    private final StoreSecret secret;

    public ChunkFormat(StoreSecret secret) {
        this.secret = secret;
    }

    /**
     * Has seals use the fastest kernel that this process has, once the JVM has compiled it: hashes {@code bytes} until
     * then, for seconds at most.
     */
    public static void warmUp(MemorySegment bytes) {
        NhKernel.warmUp(bytes);
    }

    /** Where the payload of a value goes. */
    public static MemorySegment payload(MemorySegment value) {
        return value.asSlice(HEADER_BYTES, value.byteSize() - OVERHEAD_BYTES);
    }

    /**
     * Writes header and seal around a payload that is in place.
     *
     * @param value {@code header.payloadBytes() + OVERHEAD_BYTES} bytes
     */
    public void seal(Tenant tenant, ChunkHeader header, MemorySegment value) {
        if (value.byteSize() != header.payloadBytes() + OVERHEAD_BYTES) {
            throw new IllegalArgumentException("value: " + value.byteSize() + " bytes (expected: "
                    + (header.payloadBytes() + OVERHEAD_BYTES) + ")");
        }
        headerBytes(value)
                .putLong(MAGIC)
                .putShort((short) FORMAT_VERSION)
                .putShort((short) header.codec().number())
                .putInt(header.layoutVersion())
                .put(header.key().bytes())
                .put(header.parent().bytes())
                .putLong(header.firstToken())
                .putInt(header.tokenCount())
                .putInt(0)
                .putLong(header.payloadBytes())
                .put(new byte[24]);
        secret.seal(tenant).close(value);
    }

    /**
     * Verifies a value.
     *
     * @param value untrusted; borrowed by the chunk that is returned
     * @return a hit, or CORRUPT, FORGED, WRONG_KEY or WRONG_VERSION
     */
    public Lookup open(Tenant tenant, int layoutVersion, ChunkKey key, MemorySegment value) {
        MissReason reason = unreadable(value);
        if (reason == null) {
            reason = secret.seal(tenant).broken(value);
        }
        if (reason != null) {
            return new Lookup.Miss(reason);
        }
        ByteBuffer in = headerBytes(value).position(10);
        Codec codec = Codec.ofNumber(Short.toUnsignedInt(in.getShort()));
        int layout = in.getInt();
        ChunkKey stored = new ChunkKey(Digest.read(in));
        ChunkKey parent = new ChunkKey(Digest.read(in));
        long firstToken = in.getLong();
        int tokenCount = in.getInt();
        if (codec == null || layout != layoutVersion) {
            return new Lookup.Miss(MissReason.WRONG_VERSION);
        }
        if (!stored.equals(key)) {
            return new Lookup.Miss(MissReason.WRONG_KEY);
        }
        MemorySegment payload = payload(value).asReadOnly();
        // The seal vouches for the writer, not for its sanity: what the record refuses is corrupt.
        if (firstToken < 0 || tokenCount < 1) {
            return new Lookup.Miss(MissReason.CORRUPT);
        }
        return new Lookup.Hit(new Chunk(
                new ChunkHeader(layout, stored, parent, firstToken, tokenCount, codec, payload.byteSize()), payload));
    }

    /** As {@link #open}, of whatever layout, for the tenant with this namespace. */
    public Lookup openAny(String namespace, ChunkKey key, MemorySegment value) {
        int layout = value.byteSize() < OVERHEAD_BYTES ? 0 : headerBytes(value).getInt(12);
        // The seal's key follows from the namespace; the salt is for chunk keys alone.
        return open(new Tenant(Digest.ZERO, namespace), layout, key, value);
    }

    /** What can be said before the seal is verified, which the version and the lengths decide how to do. */
    private static MissReason unreadable(MemorySegment value) {
        if (value.byteSize() < OVERHEAD_BYTES) {
            return MissReason.CORRUPT;
        }
        ByteBuffer in = headerBytes(value);
        if (in.getLong() != MAGIC) {
            return MissReason.CORRUPT;
        }
        if (Short.toUnsignedInt(in.getShort()) != FORMAT_VERSION) {
            return MissReason.WRONG_VERSION;
        }
        return in.getLong(96) == value.byteSize() - OVERHEAD_BYTES ? null : MissReason.CORRUPT;
    }

    private static ByteBuffer headerBytes(MemorySegment value) {
        return value.asSlice(0, HEADER_BYTES).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }
}
