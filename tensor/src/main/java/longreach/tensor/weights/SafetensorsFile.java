package longreach.tensor.weights;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One safetensors file, mapped into memory and checked as a whole when opened: tensors lie in the file one after the
 * other, without gaps or overlaps, and each has as many bytes as its shape says. The format is that of
 * huggingface/safetensors: the header's length in eight bytes, the header in JSON, the data.
 *
 * <p>Element types F32, F16 and BF16 can be read. Tensors of the format's other types are checked too, and refused when
 * they are asked for: checkpoints carry integer buffers that no model needs.
 *
 * <p>Safe to share between threads. {@link #close} unmaps: no tensor may be read after it.
 */
public final class SafetensorsFile implements AutoCloseable {
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int MAX_HEADER_BYTES = 32 << 20;
    private static final int MAX_TENSORS = 1 << 17;
    private static final int MAX_DIMENSIONS = 8;
    private static final String METADATA = "__metadata__";
    // A name twice would let two readers of one file see different tensors.
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();
    private static final Map<String, Integer> ELEMENT_BITS = Map.ofEntries(
            Map.entry("BOOL", 8),
            Map.entry("U8", 8),
            Map.entry("I8", 8),
            Map.entry("F8_E5M2", 8),
            Map.entry("F8_E4M3", 8),
            Map.entry("F8_E8M0", 8),
            Map.entry("I16", 16),
            Map.entry("U16", 16),
            Map.entry("F16", 16),
            Map.entry("BF16", 16),
            Map.entry("I32", 32),
            Map.entry("U32", 32),
            Map.entry("F32", 32),
            Map.entry("I64", 64),
            Map.entry("U64", 64),
            Map.entry("F64", 64),
            Map.entry("C64", 64),
            Map.entry("F4", 4),
            Map.entry("F6_E2M3", 6),
            Map.entry("F6_E3M2", 6));

    private record Place(String name, String type, long[] shape, long start, long end) {}

    private final Path path;
    private final Arena arena;
    private final Map<String, Tensor> tensors;
    // Name to element type.
    private final Map<String, String> unsupported = new HashMap<>();
    private final Set<String> names = new LinkedHashSet<>();

    private SafetensorsFile(Path path, Arena arena, MemorySegment mapped) {
        this.path = path;
        this.arena = arena;
        long header = headerBytes(mapped);
        MemorySegment data = mapped.asSlice(8 + header);
        List<Place> places = places(parse(mapped.asSlice(8, header)));
        checkCovered(places, data.byteSize());
        Map<String, Tensor> found = LinkedHashMap.newLinkedHashMap(places.size());
        for (Place place : places) {
            names.add(place.name);
            TensorType type = supported(place.type);
            if (type == null) {
                unsupported.put(place.name, place.type);
            } else {
                MemorySegment bytes = data.asSlice(place.start, place.end - place.start);
                found.put(place.name, new Tensor(place.name, type, place.shape, bytes));
            }
        }
        tensors = Collections.unmodifiableMap(found);
    }

    /**
     * Maps the file and reads its header.
     *
     * @throws WeightsException when the file cannot be read or any part of it is wrong
     */
    public static SafetensorsFile open(Path path) {
        Arena arena = Arena.ofShared();
        try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return new SafetensorsFile(
                    path, arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        } catch (IOException e) {
            arena.close();
            throw new WeightsException(path + ": cannot be read (expected: a safetensors file): " + e, e);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    public Path path() {
        return path;
    }

    /** Those of a supported element type, in the order of the file. */
    public Collection<Tensor> tensors() {
        return tensors.values();
    }

    /** Of every tensor, of whatever element type. */
    Set<String> names() {
        return names;
    }

    /** @throws WeightsException when there is such a tensor, but of an element type that is not supported */
    public Optional<Tensor> find(String name) {
        if (unsupported.containsKey(name)) {
            throw problem(name, "element type " + unsupported.get(name) + " (expected: F32, F16 or BF16)");
        }
        return Optional.ofNullable(tensors.get(name));
    }

    @Override
    public void close() {
        arena.close();
    }

    private long headerBytes(MemorySegment mapped) {
        if (mapped.byteSize() < 8) {
            throw problem("header length", "the file has " + mapped.byteSize() + " bytes (expected: at least 8)");
        }
        long length = mapped.get(U64, 0);
        long most = Math.min(MAX_HEADER_BYTES, mapped.byteSize() - 8);
        if (length < 2 || length > most) {
            throw problem("header length", Long.toUnsignedString(length) + " bytes (expected: 2 to " + most + " here)");
        }
        return length;
    }

    private JsonNode parse(MemorySegment header) {
        try {
            JsonNode root = JSON.readTree(header.toArray(ValueLayout.JAVA_BYTE));
            if (!root.isObject()) {
                throw problem("header", "not a JSON object (expected: one, of tensors by name)");
            }
            return root;
        } catch (JacksonException e) {
            throw problem("header", "not JSON (expected: an object of tensors by name): " + e.getOriginalMessage());
        }
    }

    private List<Place> places(JsonNode root) {
        if (root.size() > MAX_TENSORS) {
            throw problem("header", root.size() + " tensors (expected: at most " + MAX_TENSORS + ")");
        }
        List<Place> places = new ArrayList<>();
        for (Map.Entry<String, JsonNode> entry : root.properties()) {
            if (!entry.getKey().equals(METADATA)) {
                places.add(place(entry.getKey(), entry.getValue()));
            }
        }
        places.sort(Comparator.comparingLong(Place::start).thenComparingLong(Place::end));
        return places;
    }

    private Place place(String name, JsonNode entry) {
        String type = entry.path("dtype").asString("");
        Integer bits = ELEMENT_BITS.get(type);
        if (bits == null) {
            throw problem(name, "element type '" + type + "' (expected: one of the format's, such as F32 or BF16)");
        }
        JsonNode dimensions = entry.path("shape");
        if (!dimensions.isArray() || dimensions.size() > MAX_DIMENSIONS) {
            throw problem(name, "shape " + dimensions + " (expected: at most " + MAX_DIMENSIONS + " dimensions)");
        }
        long[] shape = new long[dimensions.size()];
        for (int d = 0; d < shape.length; d++) {
            shape[d] = size(name, "shape", dimensions.get(d));
        }
        JsonNode offsets = entry.path("data_offsets");
        if (!offsets.isArray() || offsets.size() != 2) {
            throw problem(name, "data_offsets " + offsets + " (expected: two)");
        }
        long start = size(name, "data_offsets", offsets.get(0));
        long end = size(name, "data_offsets", offsets.get(1));
        long bytes = bytes(name, shape, bits);
        if (end < start || end - start != bytes) {
            throw problem(
                    name,
                    "data_offsets [" + start + ", " + end + "] (expected: " + bytes + " bytes, as " + type
                            + Arrays.toString(shape) + " has)");
        }
        return new Place(name, type, shape, start, end);
    }

    private long size(String name, String field, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 0) {
            throw problem(name, field + " " + value + " (expected: integers from 0 to 2^63 - 1)");
        }
        return value.longValue();
    }

    private long bytes(String name, long[] shape, int bits) {
        try {
            long total = Math.multiplyExact(Arrays.stream(shape).reduce(1, Math::multiplyExact), (long) bits);
            if (total % 8 != 0) {
                throw problem(name, "shape " + Arrays.toString(shape) + " (expected: whole bytes)");
            }
            return total / 8;
        } catch (ArithmeticException e) {
            throw problem(name, "shape " + Arrays.toString(shape) + " (expected: fewer than 2^60 bytes)");
        }
    }

    private void checkCovered(List<Place> places, long dataBytes) {
        long at = 0;
        String before = "the header";
        for (Place place : places) {
            if (place.start < at) {
                throw problem(place.name, "overlaps " + before + " (expected: tensors one after the other)");
            }
            if (place.start > at) {
                throw problem(
                        place.name, "starts at " + place.start + " (expected: " + at + ", where " + before + " ends)");
            }
            if (place.end > dataBytes) {
                throw problem(
                        place.name,
                        "ends at " + place.end + " (expected: within the " + dataBytes + " bytes of tensor data)");
            }
            at = place.end;
            before = place.name;
        }
        if (at != dataBytes) {
            throw problem("tensor data", dataBytes + " bytes (expected: " + at + ", where " + before + " ends)");
        }
    }

    private static TensorType supported(String type) {
        return switch (type) {
            case "F32" -> TensorType.F32;
            case "F16" -> TensorType.F16;
            case "BF16" -> TensorType.BF16;
            default -> null;
        };
    }

    private WeightsException problem(String item, String what) {
        return new WeightsException(path, item, what);
    }
}
