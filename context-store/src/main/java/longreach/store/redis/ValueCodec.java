package longreach.store.redis;

import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.ToByteBufEncoder;
import io.netty.buffer.ByteBuf;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** Moves values between network buffers and pooled ones with one copy each way; large ones are read by {@link LargeReplies}. */
final class ValueCodec implements RedisCodec<byte[], Buffer>, ToByteBufEncoder<byte[], Buffer> {
    private final BufferPool pool;
    private final Traffic traffic;
    private final long maxValueBytes;

    ValueCodec(BufferPool pool, Traffic traffic, long maxValueBytes) {
        this.pool = pool;
        this.traffic = traffic;
        this.maxValueBytes = maxValueBytes;
    }

    @Override
    public byte[] decodeKey(ByteBuffer bytes) {
        traffic.replied();
        byte[] key = new byte[bytes.remaining()];
        bytes.get(key);
        return key;
    }

    @Override
    public Buffer decodeValue(ByteBuffer bytes) {
        traffic.replied();
        Buffer large = LargeReplies.delivered();
        if (large != null) {
            return large;
        }
        if (bytes.remaining() > maxValueBytes) {
            return Buffer.TOO_LARGE;
        }
        Buffer buffer = pool.take(bytes.remaining());
        buffer.bytes().copyFrom(MemorySegment.ofBuffer(bytes));
        return buffer;
    }

    @Override
    public ByteBuffer encodeKey(byte[] key) {
        return ByteBuffer.wrap(key);
    }

    @Override
    public ByteBuffer encodeValue(Buffer value) {
        return value.bytes().asByteBuffer();
    }

    @Override
    public void encodeKey(byte[] key, ByteBuf target) {
        target.writeBytes(key);
    }

    @Override
    public void encodeValue(Buffer value, ByteBuf target) {
        target.writeBytes(value.bytes().asByteBuffer());
    }

    @Override
    public int estimateSize(Object keyOrValue) {
        return keyOrValue instanceof Buffer value
                ? Math.toIntExact(value.bytes().byteSize())
                : ((byte[]) keyOrValue).length;
    }

    /** Exact, so that Lettuce writes the length first and the value straight behind it, without a buffer between. */
    @Override
    public boolean isEstimateExact() {
        return true;
    }
}
