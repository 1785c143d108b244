package longreach.tensor.weights;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Reads GGUF values one after the other and never past the end of its segment: each read first holds its length against
 * the bytes that are left. {@code item} names what is being read, for the error message.
 */
final class GgufCursor {
    static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble F64 =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final MemorySegment segment;
    private long position;

    GgufCursor(Path file, MemorySegment segment) {
        this.file = file;
        this.segment = segment;
    }

    long position() {
        return position;
    }

    long remaining() {
        return segment.byteSize() - position;
    }

    /** The bytes from {@code start} to the cursor. */
    MemorySegment since(long start) {
        return segment.asSlice(start, position - start);
    }

    int u32AsInt(String item) {
        return segment.get(I32, advance(item, 4));
    }

    /** An unsigned 64-bit length or count, which a valid file keeps far below 2^63. */
    long u64(String item) {
        long value = segment.get(I64, advance(item, 8));
        if (value < 0) {
            throw new WeightsException(file, item, Long.toUnsignedString(value) + " (expected: less than 2^63)");
        }
        return value;
    }

    GgufType type(String item) {
        int id = u32AsInt(item);
        if (id < 0 || id >= GgufType.values().length) {
            throw new WeightsException(
                    file, item, "value type " + Integer.toUnsignedString(id) + " (expected: 0 to 12)");
        }
        return GgufType.values()[id];
    }

    String string(String item) {
        long length = u64(item + " length");
        if (length > remaining() || length > Integer.MAX_VALUE - 8) {
            throw new WeightsException(
                    file, item, "a string of " + length + " bytes (expected: at most the " + remaining() + " left)");
        }
        var bytes = segment.asSlice(advance(item, length), length).toArray(JAVA_BYTE);
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(java.nio.ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new WeightsException(file, item, "not UTF-8 (expected: a UTF-8 string)");
        }
    }

    /** Integers as Long, floating-point numbers as Double, else Boolean or String. */
    Object scalar(String item, GgufType type) {
        return switch (type) {
            case UINT8 -> (long) Byte.toUnsignedInt(segment.get(JAVA_BYTE, advance(item, 1)));
            case INT8 -> (long) segment.get(JAVA_BYTE, advance(item, 1));
            case UINT16 -> (long) Short.toUnsignedInt(segment.get(I16, advance(item, 2)));
            case INT16 -> (long) segment.get(I16, advance(item, 2));
            case UINT32 -> Integer.toUnsignedLong(segment.get(I32, advance(item, 4)));
            case INT32 -> (long) segment.get(I32, advance(item, 4));
            case UINT64 -> u64(item);
            case INT64 -> segment.get(I64, advance(item, 8));
            case FLOAT32 -> (double) segment.get(F32, advance(item, 4));
            case FLOAT64 -> segment.get(F64, advance(item, 8));
            case BOOL -> bool(item);
            case STRING -> string(item);
            case ARRAY -> throw new IllegalArgumentException("an array is not a scalar");
        };
    }

    /** Passes over {@code count} values, checking those whose bytes can be invalid. */
    void skip(String item, GgufType type, long count) {
        switch (type) {
            case STRING -> {
                for (long i = 0; i < count; i++) {
                    long length = u64(item + " length");
                    advance(item, length);
                }
            }
            case BOOL -> {
                for (long i = 0; i < count; i++) {
                    bool(item);
                }
            }
            default -> advance(item, count * type.minimumBytes);
        }
    }

    /** A count of values of at least {@code minimumBytes} each, which must fit in what is left. */
    int count(String item, int minimumBytes, int maximum) {
        long count = u64(item);
        long most = Math.min(maximum, remaining() / minimumBytes);
        if (count > most) {
            throw new WeightsException(file, item, count + " (expected: at most " + most + ")");
        }
        return (int) count;
    }

    private boolean bool(String item) {
        byte value = segment.get(JAVA_BYTE, advance(item, 1));
        if (value != 0 && value != 1) {
            throw new WeightsException(file, item, value + " (expected: a truth value, 0 or 1)");
        }
        return value == 1;
    }

    private long advance(String item, long bytes) {
        if (bytes > remaining()) {
            throw new WeightsException(
                    file,
                    item,
                    "the file ends at byte " + segment.byteSize() + " (expected: " + bytes + " more bytes from byte "
                            + position + ")");
        }
        long start = position;
        position += bytes;
        return start;
    }
}
