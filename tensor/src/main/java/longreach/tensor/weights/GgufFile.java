package longreach.tensor.weights;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A GGUF file (versions 2 and 3, little endian, in one piece), mapped into memory and checked as a whole when opened:
 * after that every {@link Tensor} lies inside the file, on its alignment, and overlaps no other. The format is that of
 * ggml's {@code docs/gguf.md}.
 *
 * <p>Safe to share between threads. {@link #close} unmaps: no tensor may be read after it. The file must not be
 * truncated while it is open; replace it by renaming another one over it.
 */
public final class GgufFile implements ModelFiles {
    private static final int MAGIC = 0x46554747; // "GGUF", little endian
    private static final int MAX_KEYS = 1 << 16;
    private static final int MAX_TENSORS = 1 << 17;
    private static final int MAX_NAME_BYTES = 1 << 16;
    private static final int MAX_DIMENSIONS = 4;
    private static final int DEFAULT_ALIGNMENT = 32;
    // name length, dimension count, one dimension, type, offset
    private static final int MIN_TENSOR_INFO_BYTES = 8 + 4 + 8 + 4 + 8;
    // key length, a key of one byte, type, a value of one byte
    private static final int MIN_KEY_VALUE_BYTES = 8 + 1 + 4 + 1;

    private record Place(String name, TensorType type, long[] shape, long offset, long bytes) {}

    private final Path path;
    private final Arena arena;
    private final GgufMetadata metadata;
    private final Map<String, Tensor> tensors;

    private GgufFile(Path path, Arena arena, MemorySegment mapped) {
        this.path = path;
        this.arena = arena;
        var cursor = new GgufCursor(path, mapped);
        int tensorCount = readHeader(cursor);
        metadata = new GgufMetadata(path, readMetadata(cursor));
        if (metadata.integer("split.count", 1) > 1) {
            throw new WeightsException(
                    path, "split.count", metadata.integer("split.count", 1) + " (expected: a model in one file)");
        }
        int alignment = alignment();
        List<Place> places = readPlaces(cursor, tensorCount, alignment);
        tensors = place(places, mapped, roundUp(cursor.position(), alignment));
    }

    /**
     * Maps the file and reads its header, metadata and tensor table.
     *
     * @throws WeightsException when the file cannot be read or any part of it is wrong or not supported
     */
    public static GgufFile open(Path path) {
        Arena arena = Arena.ofShared();
        try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return new GgufFile(path, arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        } catch (IOException e) {
            arena.close();
            throw new WeightsException(path + ": cannot be read (expected: a GGUF file): " + e, e);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public Path path() {
        return path;
    }

    public GgufMetadata metadata() {
        return metadata;
    }

    /** In the order of the file's table. */
    @Override
    public Collection<Tensor> tensors() {
        return tensors.values();
    }

    @Override
    public Optional<Tensor> find(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    @Override
    public void close() {
        arena.close();
    }

    private int readHeader(GgufCursor cursor) {
        int magic = cursor.u32AsInt("magic");
        if (magic != MAGIC) {
            throw new WeightsException(path, "magic", "0x" + Integer.toHexString(magic) + " (expected: GGUF)");
        }
        int version = cursor.u32AsInt("version");
        if (version != 2 && version != 3) {
            throw new WeightsException(
                    path, "version", Integer.toUnsignedString(version) + " (expected: 2 or 3, little endian)");
        }
        return cursor.count("tensor count", MIN_TENSOR_INFO_BYTES, MAX_TENSORS);
    }

    private Map<String, Object> readMetadata(GgufCursor cursor) {
        int count = cursor.count("key count", MIN_KEY_VALUE_BYTES, MAX_KEYS);
        Map<String, Object> values = LinkedHashMap.newLinkedHashMap(count);
        for (int i = 0; i < count; i++) {
            String key = name(cursor, "key " + i);
            GgufType type = cursor.type(key);
            Object value = type == GgufType.ARRAY ? array(cursor, key) : cursor.scalar(key, type);
            if (values.put(key, value) != null) {
                throw new WeightsException(path, key, "appears twice (expected: once)");
            }
        }
        return values;
    }

    private GgufMetadata.Elements array(GgufCursor cursor, String key) {
        GgufType type = cursor.type(key);
        if (type == GgufType.ARRAY) {
            throw new WeightsException(path, key, "an array of arrays (expected: an array of plain values)");
        }
        int count = cursor.count(key + " length", type.minimumBytes, Integer.MAX_VALUE - 8);
        long start = cursor.position();
        cursor.skip(key, type, count);
        return new GgufMetadata.Elements(type, count, cursor.since(start));
    }

    private String name(GgufCursor cursor, String item) {
        String name = cursor.string(item);
        if (name.isEmpty() || name.length() > MAX_NAME_BYTES) {
            throw new WeightsException(
                    path, item, "a name of " + name.length() + " characters (expected: 1 to " + MAX_NAME_BYTES + ")");
        }
        return name;
    }

    private int alignment() {
        int alignment = metadata.integer("general.alignment", DEFAULT_ALIGNMENT);
        if (alignment < 8 || Integer.bitCount(alignment) != 1) {
            throw new WeightsException(path, "general.alignment", alignment + " (expected: a power of two from 8)");
        }
        return alignment;
    }

    private List<Place> readPlaces(GgufCursor cursor, int count, int alignment) {
        var places = new ArrayList<Place>(count);
        for (int i = 0; i < count; i++) {
            String name = name(cursor, "tensor " + i);
            long[] shape = shape(cursor, name);
            TensorType type = type(cursor, name);
            long offset = cursor.u64(name + " offset");
            if (offset % alignment != 0) {
                throw new WeightsException(
                        path, name, "offset " + offset + " (expected: a multiple of " + alignment + ")");
            }
            places.add(new Place(name, type, shape, offset, bytes(name, type, shape)));
        }
        return places;
    }

    /** The file lists the innermost dimension first; the result has it last. */
    private long[] shape(GgufCursor cursor, String name) {
        int dimensions = cursor.u32AsInt(name + " dimension count");
        if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
            throw new WeightsException(
                    path,
                    name,
                    Integer.toUnsignedString(dimensions) + " dimensions (expected: 1 to " + MAX_DIMENSIONS + ")");
        }
        long[] shape = new long[dimensions];
        for (int d = dimensions - 1; d >= 0; d--) {
            shape[d] = cursor.u64(name + " dimension");
            if (shape[d] == 0) {
                throw new WeightsException(path, name, "a dimension of 0 (expected: at least 1)");
            }
        }
        return shape;
    }

    private TensorType type(GgufCursor cursor, String name) {
        int id = cursor.u32AsInt(name + " type");
        for (TensorType type : TensorType.values()) {
            if (type.ggufId == id) {
                return type;
            }
        }
        String known = Arrays.stream(TensorType.values()).map(Enum::name).collect(Collectors.joining(", "));
        throw new WeightsException(
                path, name, "tensor type " + Integer.toUnsignedString(id) + " (expected: one of " + known + ")");
    }

    private long bytes(String name, TensorType type, long[] shape) {
        long rowElements = shape[shape.length - 1];
        if (rowElements % type.blockElements != 0) {
            throw new WeightsException(
                    path,
                    name,
                    "rows of " + rowElements + " (expected: a multiple of " + type + "'s " + type.blockElements + ")");
        }
        try {
            long elements = Arrays.stream(shape).reduce(1, Math::multiplyExact);
            return Math.multiplyExact(elements / type.blockElements, (long) type.blockBytes);
        } catch (ArithmeticException e) {
            throw new WeightsException(
                    path, name, "shape " + Arrays.toString(shape) + " (expected: fewer than 2^63 bytes)");
        }
    }

    private Map<String, Tensor> place(List<Place> places, MemorySegment mapped, long dataStart) {
        long dataBytes = Math.max(0, mapped.byteSize() - dataStart);
        Map<String, Tensor> tensors = LinkedHashMap.newLinkedHashMap(places.size());
        for (Place place : places) {
            if (place.offset > dataBytes || place.bytes > dataBytes - place.offset) {
                throw new WeightsException(
                        path,
                        place.name,
                        place.bytes + " bytes at offset " + place.offset + " (expected: within the " + dataBytes
                                + " bytes of tensor data in the file)");
            }
            var data = mapped.asSlice(dataStart + place.offset, place.bytes);
            if (tensors.put(place.name, new Tensor(place.name, place.type, place.shape, data)) != null) {
                throw new WeightsException(path, place.name, "appears twice (expected: once)");
            }
        }
        checkDisjoint(places);
        return Collections.unmodifiableMap(tensors);
    }

    private void checkDisjoint(List<Place> places) {
        var sorted = new ArrayList<>(places);
        sorted.sort(Comparator.comparingLong(Place::offset));
        for (int i = 1; i < sorted.size(); i++) {
            Place before = sorted.get(i - 1);
            Place after = sorted.get(i);
            if (before.offset + before.bytes > after.offset) {
                throw new WeightsException(
                        path, after.name, "overlaps " + before.name + " (expected: tensors apart from each other)");
            }
        }
    }

    private static long roundUp(long value, int alignment) {
        return (value + alignment - 1) & -alignment;
    }
}
