package longreach.tensor.weights;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Key-value pairs of a GGUF file. A getter throws {@link WeightsException} when its key is missing (unless a default is
 * given), has another type, or holds a value outside the range that the getter states. Arrays are decoded on each call
 * and only while the file is open; keep the result.
 */
public final class GgufMetadata {
    /** An array that has been walked and found whole, but is still in the file. */
    record Elements(GgufType type, int count, MemorySegment data) {}

    private final Path file;
    private final Map<String, Object> values;

    /** @param values String, Long, Double, Boolean or {@link Elements} */
    GgufMetadata(Path file, Map<String, Object> values) {
        this.file = file;
        this.values = Collections.unmodifiableMap(values);
    }

    public Set<String> keys() {
        return values.keySet();
    }

    public boolean has(String key) {
        return values.containsKey(key);
    }

    public String string(String key) {
        return get(key, String.class, "a string");
    }

    public Optional<String> findString(String key) {
        return has(key) ? Optional.of(string(key)) : Optional.empty();
    }

    /** An integer of any width that fits an int. */
    public int integer(String key) {
        long value = get(key, Long.class, "an integer");
        if (value != (int) value) {
            throw new WeightsException(file, key, value + " (expected: a 32-bit integer)");
        }
        return (int) value;
    }

    public int integer(String key, int missing) {
        return has(key) ? integer(key) : missing;
    }

    /** A floating-point number of either width. */
    public double number(String key) {
        return get(key, Double.class, "a number");
    }

    public double number(String key, double missing) {
        return has(key) ? number(key) : missing;
    }

    public boolean flag(String key, boolean missing) {
        return has(key) ? get(key, Boolean.class, "true or false") : missing;
    }

    public List<String> strings(String key) {
        Elements array = array(key, GgufType.STRING);
        var cursor = new GgufCursor(file, array.data());
        var strings = new ArrayList<String>(array.count());
        for (int i = 0; i < array.count(); i++) {
            strings.add(cursor.string(key));
        }
        return Collections.unmodifiableList(strings);
    }

    /** Integers of any one width, each of which fits an int. */
    public int[] integers(String key) {
        Elements array = get(key, Elements.class, "an array of integers");
        if (!array.type().isInteger()) {
            throw wrongType(key, array, "an array of integers");
        }
        var cursor = new GgufCursor(file, array.data());
        int[] integers = new int[array.count()];
        for (int i = 0; i < integers.length; i++) {
            long value = (Long) cursor.scalar(key, array.type());
            integers[i] = (int) value;
            if (integers[i] != value) {
                throw new WeightsException(file, key + "[" + i + "]", value + " (expected: a 32-bit integer)");
            }
        }
        return integers;
    }

    public float[] floats(String key) {
        Elements array = array(key, GgufType.FLOAT32);
        float[] floats = new float[array.count()];
        MemorySegment.copy(array.data(), GgufCursor.F32, 0, floats, 0, floats.length);
        return floats;
    }

    public List<Boolean> flags(String key) {
        Elements array = array(key, GgufType.BOOL);
        var flags = new ArrayList<Boolean>(array.count());
        for (long i = 0; i < array.count(); i++) {
            flags.add(array.data().get(ValueLayout.JAVA_BYTE, i) != 0);
        }
        return Collections.unmodifiableList(flags);
    }

    public boolean isArray(String key) {
        return values.get(key) instanceof Elements;
    }

    /** Number of elements of an array. */
    public int length(String key) {
        return get(key, Elements.class, "an array").count();
    }

    /** For a value that is of the right type and cannot be served. */
    public WeightsException problem(String key, Object value, String expected) {
        return new WeightsException(file, key, value + " (expected: " + expected + ")");
    }

    private Elements array(String key, GgufType type) {
        Elements array = get(key, Elements.class, "an array of " + type);
        if (array.type() != type) {
            throw wrongType(key, array, "an array of " + type);
        }
        return array;
    }

    private <T> T get(String key, Class<T> type, String expected) {
        Object value = values.get(key);
        if (value == null) {
            throw new WeightsException(file, key, "missing (expected: " + expected + ")");
        }
        if (!type.isInstance(value)) {
            throw wrongType(key, value, expected);
        }
        return type.cast(value);
    }

    private WeightsException wrongType(String key, Object value, String expected) {
        String found = value instanceof Elements array
                ? "an array of " + array.type()
                : value.getClass().getSimpleName();
        return new WeightsException(file, key, found + " (expected: " + expected + ")");
    }
}
