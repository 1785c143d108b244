package longreach.store.codec;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import longreach.store.api.ArtifactLookup;
import longreach.store.api.Digest;
import longreach.store.api.MissReason;
import longreach.store.api.Tenant;

/**
 * An artifact as one value: header of 64 bytes, the bytes themselves, {@link Seal}. Little endian: magic "LRARTFCT",
 * format version u32, 4 bytes of zero, digest (32 bytes), length u64, 8 bytes of zero.
 */
public final class ArtifactFormat {
    private static final int FORMAT_VERSION = 2;
    private static final int HEADER_BYTES = 64;
    private static final int OVERHEAD_BYTES = HEADER_BYTES + Seal.BYTES;

    private static final long MAGIC = ByteBuffer.wrap(new byte[] {'L', 'R', 'A', 'R', 'T', 'F', 'C', 'T'})
            .order(ByteOrder.LITTLE_ENDIAN)
            .getLong();

    private final StoreSecret secret;

    public ArtifactFormat(StoreSecret secret) {
        this.secret = secret;
    }

    public byte[] seal(Tenant tenant, Digest digest, byte[] bytes) {
        byte[] value = new byte[Math.addExact(bytes.length, OVERHEAD_BYTES)];
        ByteBuffer.wrap(value)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(MAGIC)
                .putInt(FORMAT_VERSION)
                .putInt(0)
                .put(digest.bytes())
                .putLong(bytes.length)
                .putLong(0)
                .put(bytes);
        secret.seal(tenant).close(MemorySegment.ofArray(value));
        return value;
    }

    /** @return a hit with a copy, or CORRUPT, FORGED, WRONG_KEY or WRONG_VERSION */
    public ArtifactLookup open(Tenant tenant, Digest digest, MemorySegment value) {
        long length = value.byteSize() - OVERHEAD_BYTES;
        if (length < 0) {
            return new ArtifactLookup.Miss(MissReason.CORRUPT);
        }
        ByteBuffer in = value.asSlice(0, HEADER_BYTES).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        if (in.getLong() != MAGIC) {
            return new ArtifactLookup.Miss(MissReason.CORRUPT);
        }
        if (in.getInt() != FORMAT_VERSION) {
            return new ArtifactLookup.Miss(MissReason.WRONG_VERSION);
        }
        if (in.getLong(48) != length) {
            return new ArtifactLookup.Miss(MissReason.CORRUPT);
        }
        MissReason broken = secret.seal(tenant).broken(value);
        if (broken != null) {
            return new ArtifactLookup.Miss(broken);
        }
        if (!Digest.read(in.position(16)).equals(digest)) {
            return new ArtifactLookup.Miss(MissReason.WRONG_KEY);
        }
        return new ArtifactLookup.Hit(value.asSlice(HEADER_BYTES, length).toArray(ValueLayout.JAVA_BYTE));
    }
}
