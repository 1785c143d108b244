package longreach.store.codec;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.zip.CRC32C;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import longreach.store.api.MissReason;

/**
 * The trailer of a value: CRC-32C of all bytes before it, then a MAC of all bytes before that: HMAC-SHA-256 of the value's
 * first 64 bytes, the {@link UniversalHash} of the MACed bytes, and their number u64. The MAC decides whether a value is
 * taken. The CRC, looked at only when the MAC does not match, tells damage from a foreign key. Safe for use by several
 * threads.
 */
final class Seal {
    static final int BYTES = 4 + 32;

    /** Headers are that long at least, and name the value. */
    private static final int HEAD_BYTES = 64;

    private static final ValueLayout.OfInt INT_LE = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final SecretKeySpec key;
    private final UniversalHash hash;

    Seal(SecretKeySpec key, UniversalHash hash) {
        this.key = key;
        this.hash = hash;
    }

    /** Fills in the last {@link #BYTES} bytes. */
    void close(MemorySegment value) {
        long body = value.byteSize() - BYTES;
        value.set(INT_LE, body, crc(value.asSlice(0, body)));
        MemorySegment.copy(mac(value), 0, value, ValueLayout.JAVA_BYTE, body + 4, 32);
    }

    /** @param value longer than {@link #BYTES} and 64 @return null if the seal is whole, else CORRUPT or FORGED */
    MissReason broken(MemorySegment value) {
        long body = value.byteSize() - BYTES;
        byte[] stored = value.asSlice(body + 4, 32).toArray(ValueLayout.JAVA_BYTE);
        if (MessageDigest.isEqual(mac(value), stored)) {
            return null;
        }
        return crc(value.asSlice(0, body)) == value.get(INT_LE, body) ? MissReason.FORGED : MissReason.CORRUPT;
    }

    private byte[] mac(MemorySegment value) {
        MemorySegment body = value.asSlice(0, value.byteSize() - 32);
        Mac mac = StoreSecret.mac(key);
        mac.update(body.asSlice(0, HEAD_BYTES).asByteBuffer());
        mac.update(hash.hash(body));
        mac.update(
                ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(0, body.byteSize()));
        return mac.doFinal();
    }

    private static int crc(MemorySegment body) {
        CRC32C crc = new CRC32C();
        crc.update(body.asByteBuffer());
        return (int) crc.getValue();
    }
}
