package longreach.store.codec;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.zip.CRC32C;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import longreach.store.api.MissReason;

/**
 * The trailer of a value: CRC-32C of all bytes before it, then HMAC-SHA-256 of all bytes before that. The HMAC decides
 * whether a value is taken. The CRC, looked at only when the HMAC does not match, tells damage from a foreign key.
 */
final class Seal {
    static final int BYTES = 4 + 32;

    private static final ValueLayout.OfInt INT_LE = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final SecretKeySpec key;

    Seal(SecretKeySpec key) {
        this.key = key;
    }

    /** Fills in the last {@link #BYTES} bytes. */
    void close(MemorySegment value) {
        long body = value.byteSize() - BYTES;
        value.set(INT_LE, body, crc(value.asSlice(0, body)));
        MemorySegment.copy(hmac(value), 0, value, ValueLayout.JAVA_BYTE, body + 4, 32);
    }

    /** @param value longer than {@link #BYTES} @return null if the seal is whole, else CORRUPT or FORGED */
    MissReason broken(MemorySegment value) {
        long body = value.byteSize() - BYTES;
        byte[] stored = value.asSlice(body + 4, 32).toArray(ValueLayout.JAVA_BYTE);
        if (MessageDigest.isEqual(hmac(value), stored)) {
            return null;
        }
        return crc(value.asSlice(0, body)) == value.get(INT_LE, body) ? MissReason.FORGED : MissReason.CORRUPT;
    }

    private byte[] hmac(MemorySegment value) {
        Mac mac = StoreSecret.mac(key);
        mac.update(value.asSlice(0, value.byteSize() - 32).asByteBuffer());
        return mac.doFinal();
    }

    private static int crc(MemorySegment body) {
        CRC32C crc = new CRC32C();
        crc.update(body.asByteBuffer());
        return (int) crc.getValue();
    }
}
