package longreach.tensor.weights;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes GGUF files for tests, wrong ones too. */
final class GgufBytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    static GgufBytes header(long tensors, long keys) {
        return new GgufBytes()
                .bytes("GGUF".getBytes(StandardCharsets.US_ASCII))
                .u32(3)
                .u64(tensors)
                .u64(keys);
    }

    /** Two tensors and one key of each type: a small file with everything in it. */
    static byte[] sample() {
        return header(2, 15)
                .key("general.architecture", 8)
                .string("llama")
                .key("general.alignment", 4)
                .u32(32)
                .key("u8", 0)
                .bytes((byte) 200)
                .key("i8", 1)
                .bytes((byte) -3)
                .key("u16", 2)
                .bytes((byte) 0xff, (byte) 0xff)
                .key("i16", 3)
                .bytes((byte) 0xfe, (byte) 0xff)
                .key("i32", 5)
                .u32(-7)
                .key("f32", 6)
                .u32(Float.floatToRawIntBits(0.5f))
                .key("flag", 7)
                .bytes((byte) 1)
                .key("u64", 10)
                .u64(1L << 40)
                .key("i64", 11)
                .u64(-1)
                .key("f64", 12)
                .u64(Double.doubleToRawLongBits(1e-5))
                .key("strings", 9)
                .u32(8)
                .u64(2)
                .string("é")
                .string("")
                .key("integers", 9)
                .u32(5)
                .u64(3)
                .u32(1)
                .u32(2)
                .u32(-3)
                .key("floats", 9)
                .u32(6)
                .u64(1)
                .u32(Float.floatToRawIntBits(2f))
                .tensor("a", 0, 0, 4, 2)
                .tensor("b", 8, 32, 32)
                .align()
                .zeros(32 + 34)
                .toArray();
    }

    GgufBytes key(String name, int type) {
        return string(name).u32(type);
    }

    /** @param dimensions innermost first, as the file has them */
    GgufBytes tensor(String name, int type, long offset, long... dimensions) {
        string(name).u32(dimensions.length);
        for (long dimension : dimensions) {
            u64(dimension);
        }
        return u32(type).u64(offset);
    }

    GgufBytes string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return u64(utf8.length).bytes(utf8);
    }

    GgufBytes u32(int value) {
        return bytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array());
    }

    GgufBytes u64(long value) {
        return bytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array());
    }

    GgufBytes bytes(byte... bytes) {
        out.writeBytes(bytes);
        return this;
    }

    GgufBytes align() {
        return zeros(-out.size() & 31);
    }

    GgufBytes zeros(int count) {
        out.writeBytes(new byte[count]);
        return this;
    }

    byte[] toArray() {
        return out.toByteArray();
    }
}
