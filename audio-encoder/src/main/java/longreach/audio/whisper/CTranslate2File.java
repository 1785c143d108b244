package longreach.audio.whisper;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;
import longreach.tensor.weights.WeightsException;

/**
 * A memory-mapped CTranslate2 {@code model.bin} of binary version 6: little endian, {@code u32 version}, a spec name,
 * {@code u32 revision}, {@code u32 count}, that many variables and a list of aliases. Every length, offset and shape is
 * checked against the file's size before anything is read. Tensors are borrowed from the mapping and end with
 * {@link #close}.
 */
public final class CTranslate2File implements AutoCloseable {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int VERSION = 6;
    private static final int MAX_VARIABLES = 100_000;
    private static final int MAX_RANK = 8;

    /** Element types of the format, by their number. */
    private enum Type {
        F32(4),
        I8(1),
        I16(2),
        I32(4),
        F16(2),
        BF16(2);

        final int bytes;

        Type(int bytes) {
            this.bytes = bytes;
        }
    }

    private record Variable(String name, Type type, long[] shape, MemorySegment data) {}

    private final Arena arena;
    private final MemorySegment bytes;
    private final String spec;
    private final Map<String, Variable> variables = new HashMap<>();
    private long at;

    /** @throws WeightsException when the file cannot be read or is not what it should be */
    public static CTranslate2File open(Path file) {
        Arena arena = Arena.ofShared();
        boolean complete = false;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            CTranslate2File opened = new CTranslate2File(arena, mapped);
            complete = true;
            return opened;
        } catch (IOException e) {
            throw new WeightsException(file.getFileName() + ": cannot be read", e);
        } finally {
            if (!complete) {
                arena.close();
            }
        }
    }

    /** @param arena owns the bytes; closed with this file */
    CTranslate2File(Arena arena, MemorySegment bytes) {
        this.arena = arena;
        this.bytes = bytes;
        int version = readInt("version");
        if (version != VERSION) {
            throw new WeightsException("model.bin: version " + version + " (expected: " + VERSION + ")");
        }
        spec = readString("spec name");
        readInt("revision");
        int count = readInt("variable count");
        if (count < 0 || count > MAX_VARIABLES) {
            throw new WeightsException("model.bin: " + Integer.toUnsignedString(count)
                    + " variables (expected: at most " + MAX_VARIABLES + ")");
        }
        for (int i = 0; i < count; i++) {
            readVariable(i);
        }
        readAliases();
        if (at != bytes.byteSize()) {
            throw new WeightsException("model.bin: " + (bytes.byteSize() - at) + " bytes after its end (expected: 0)");
        }
    }

    /** For instance {@code WhisperSpec}. */
    public String spec() {
        return spec;
    }

    public Set<String> names() {
        return Set.copyOf(variables.keySet());
    }

    public boolean has(String name) {
        return variables.containsKey(name);
    }

    /** @throws WeightsException when there is none of that name, or it is not stored as floats */
    public Tensor tensor(String name) {
        Variable variable = variable(name);
        TensorType type = switch (variable.type) {
            case F32 -> TensorType.F32;
            case F16 -> TensorType.F16;
            case BF16 -> TensorType.BF16;
            case I8, I16, I32 ->
                throw new WeightsException("model.bin: " + name + " is stored as " + variable.type
                        + " (expected: F32, F16 or BF16; quantised conversions are not supported)");
        };
        return new Tensor(name, type, variable.shape, variable.data);
    }

    /** A stored whole number without dimensions. */
    public int scalar(String name) {
        Variable variable = variable(name);
        if (variable.data.byteSize() != variable.type.bytes) {
            throw new WeightsException("model.bin: " + name + " has " + variable.data.byteSize()
                    + " bytes (expected: one " + variable.type + ")");
        }
        return switch (variable.type) {
            case I8 -> variable.data.get(ValueLayout.JAVA_BYTE, 0);
            case I16 -> variable.data.get(SHORT, 0);
            case I32 -> variable.data.get(INT, 0);
            case F32, F16, BF16 ->
                throw new WeightsException(
                        "model.bin: " + name + " is " + variable.type + " (expected: a whole number)");
        };
    }

    private Variable variable(String name) {
        Variable variable = variables.get(name);
        if (variable == null) {
            throw new WeightsException("model.bin: no variable " + name);
        }
        return variable;
    }

    private void readVariable(int index) {
        String name = readString("name of variable " + index);
        int rank = readByte("rank of " + name);
        if (rank > MAX_RANK) {
            throw new WeightsException(
                    "model.bin: " + name + " of rank " + rank + " (expected: at most " + MAX_RANK + ")");
        }
        long[] shape = new long[rank];
        long elements = 1;
        for (int i = 0; i < rank; i++) {
            shape[i] = Integer.toUnsignedLong(readInt("shape of " + name));
            // The product cannot overflow: it stays below the file's size times 2^32.
            elements *= shape[i];
            if (elements > bytes.byteSize()) {
                throw new WeightsException("model.bin: " + name + " has more elements than the file has bytes");
            }
        }
        int typeId = readByte("type of " + name);
        if (typeId >= Type.values().length) {
            throw new WeightsException("model.bin: " + name + " of type " + typeId + " (expected: 0 to "
                    + (Type.values().length - 1) + ")");
        }
        Type type = Type.values()[typeId];
        long length = Integer.toUnsignedLong(readInt("length of " + name));
        if (length != elements * type.bytes) {
            throw new WeightsException("model.bin: " + name + " of " + length + " bytes (expected: "
                    + elements * type.bytes + " for " + elements + " elements of " + type + ")");
        }
        MemorySegment data = take(length, name);
        if (variables.put(name, new Variable(name, type, shape, data)) != null) {
            throw new WeightsException("model.bin: two variables " + name);
        }
    }

    private void readAliases() {
        int count = readInt("alias count");
        if (count < 0 || count > MAX_VARIABLES) {
            throw new WeightsException("model.bin: " + Integer.toUnsignedString(count) + " aliases (expected: at most "
                    + MAX_VARIABLES + ")");
        }
        for (int i = 0; i < count; i++) {
            String alias = readString("alias " + i);
            String target = readString("target of alias " + alias);
            Variable variable = variables.get(target);
            if (variable == null || variables.putIfAbsent(alias, variable) != null) {
                throw new WeightsException("model.bin: alias " + alias + " of " + target
                        + " (expected: a new name for a variable that exists)");
            }
        }
    }

    private MemorySegment take(long length, String what) {
        if (length > bytes.byteSize() - at) {
            throw new WeightsException("model.bin: " + what + " needs " + length + " bytes at " + at + " of "
                    + bytes.byteSize() + " (expected: a file that is not truncated)");
        }
        MemorySegment taken = bytes.asSlice(at, length);
        at += length;
        return taken;
    }

    private int readByte(String what) {
        return take(1, what).get(ValueLayout.JAVA_BYTE, 0) & 0xff;
    }

    private int readInt(String what) {
        return take(4, what).get(INT, 0);
    }

    // u16 length with the terminating zero, then the bytes.
    private String readString(String what) {
        int length = take(2, what).get(SHORT, 0) & 0xffff;
        MemorySegment text = take(length, what);
        if (length == 0 || text.get(ValueLayout.JAVA_BYTE, length - 1) != 0) {
            throw new WeightsException("model.bin: " + what + " does not end with a zero byte");
        }
        byte[] raw = text.asSlice(0, length - 1).toArray(ValueLayout.JAVA_BYTE);
        return new String(raw, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        arena.close();
    }
}
