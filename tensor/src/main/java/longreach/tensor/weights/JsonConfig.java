package longreach.tensor.weights;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * An object of one of a model's JSON files. A getter throws {@link WeightsException} when its key is missing (unless a
 * default is given), has another type, or holds a value outside the range that the getter states. A null counts as
 * missing, as it does for those who write such files.
 */
public final class JsonConfig {
    private static final long MAX_BYTES = 64 << 20;

    private final Path file;
    private final String at;
    private final JsonNode node;

    private JsonConfig(Path file, String at, JsonNode node) {
        this.file = file;
        this.at = at;
        this.node = node;
    }

    /** @throws WeightsException when the file is missing, too long, or no JSON object */
    public static JsonConfig read(Path file) {
        try {
            if (!Files.isRegularFile(file)) {
                throw new WeightsException(file + ": missing (expected: a JSON file)");
            }
            if (Files.size(file) > MAX_BYTES) {
                throw new WeightsException(
                        file + ": " + Files.size(file) + " bytes (expected: at most " + MAX_BYTES + ")");
            }
            JsonNode root = JsonMapper.shared().readTree(Files.readAllBytes(file));
            if (!root.isObject()) {
                throw new WeightsException(file + ": not a JSON object (expected: one)");
            }
            return new JsonConfig(file, "", root);
        } catch (JacksonException e) {
            throw new WeightsException(file + ": not JSON (expected: a JSON object): " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new WeightsException(file + ": cannot be read (expected: a JSON file): " + e, e);
        }
    }

    public Path file() {
        return file;
    }

    /** In alphabetical order. */
    public Set<String> keys() {
        return Collections.unmodifiableSet(new TreeSet<>(node.propertyNames()));
    }

    public boolean has(String key) {
        JsonNode value = node.path(key);
        return !value.isMissingNode() && !value.isNull();
    }

    public JsonConfig object(String key) {
        JsonNode value = get(key, "an object");
        if (!value.isObject()) {
            throw problem(key, value, "an object");
        }
        return new JsonConfig(file, at + key + ".", value);
    }

    public Optional<JsonConfig> findObject(String key) {
        return has(key) && node.path(key).isObject() ? Optional.of(object(key)) : Optional.empty();
    }

    /** The objects of an array. */
    public List<JsonConfig> objects(String key) {
        List<JsonConfig> objects = new ArrayList<>();
        for (JsonNode element : array(key)) {
            if (!element.isObject()) {
                throw problem(key, element, "objects");
            }
            objects.add(new JsonConfig(file, at + key + "[" + objects.size() + "].", element));
        }
        return objects;
    }

    public boolean isString(String key) {
        return node.path(key).isString();
    }

    public boolean isArray(String key) {
        return node.path(key).isArray();
    }

    public String string(String key) {
        JsonNode value = get(key, "a string");
        if (!value.isString()) {
            throw problem(key, value, "a string");
        }
        return value.stringValue();
    }

    public String string(String key, String missing) {
        return has(key) ? string(key) : missing;
    }

    public Optional<String> findString(String key) {
        return has(key) ? Optional.of(string(key)) : Optional.empty();
    }

    public List<String> strings(String key) {
        List<String> strings = new ArrayList<>();
        for (JsonNode element : array(key)) {
            if (!element.isString()) {
                throw problem(key, element, "strings");
            }
            strings.add(element.stringValue());
        }
        return strings;
    }

    /** An integer that fits an int. */
    public int integer(String key) {
        JsonNode value = get(key, "an integer");
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw problem(key, value, "a 32-bit integer");
        }
        return value.intValue();
    }

    public int integer(String key, int missing) {
        return has(key) ? integer(key) : missing;
    }

    /** Integers, of which there may be a single one outside an array. */
    public int[] integers(String key) {
        if (!isArray(key)) {
            return new int[] {integer(key)};
        }
        List<Integer> integers = new ArrayList<>();
        for (JsonNode element : array(key)) {
            if (!element.isIntegralNumber() || !element.canConvertToInt()) {
                throw problem(key, element, "32-bit integers");
            }
            integers.add(element.intValue());
        }
        return integers.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Pairs of integers, such as the two sizes of each of several kernels. */
    public List<int[]> integerPairs(String key) {
        List<int[]> pairs = new ArrayList<>();
        for (JsonNode element : array(key)) {
            boolean pair = element.isArray() && element.size() == 2;
            for (int i = 0; pair && i < 2; i++) {
                pair = element.path(i).isIntegralNumber() && element.path(i).canConvertToInt();
            }
            if (!pair) {
                throw problem(key, element, "pairs of 32-bit integers");
            }
            pairs.add(new int[] {element.path(0).intValue(), element.path(1).intValue()});
        }
        return pairs;
    }

    /** A finite number. */
    public double number(String key) {
        JsonNode value = get(key, "a number");
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw problem(key, value, "a finite number");
        }
        return value.doubleValue();
    }

    /** Finite numbers. */
    public double[] numbers(String key) {
        List<Double> numbers = new ArrayList<>();
        for (JsonNode element : array(key)) {
            if (!element.isNumber() || !Double.isFinite(element.doubleValue())) {
                throw problem(key, element, "finite numbers");
            }
            numbers.add(element.doubleValue());
        }
        return numbers.stream().mapToDouble(Double::doubleValue).toArray();
    }

    public double number(String key, double missing) {
        return has(key) ? number(key) : missing;
    }

    /** As {@link #number(String, double)}, but a null, where it is written, is 0. */
    public double numberOrNull(String key, double missing) {
        return node.path(key).isNull() ? 0 : number(key, missing);
    }

    public boolean flag(String key, boolean missing) {
        if (!has(key)) {
            return missing;
        }
        JsonNode value = node.path(key);
        if (!value.isBoolean()) {
            throw problem(key, value, "true or false");
        }
        return value.booleanValue();
    }

    /** Refuses another value than {@code expected}, if there is one. */
    public void expect(String key, String expected) {
        if (!string(key, expected).equals(expected)) {
            throw problem(key, string(key), expected);
        }
    }

    /** For a value that is of the right type and cannot be served. */
    public WeightsException problem(String key, Object value, String expected) {
        String shown = String.valueOf(value);
        return new WeightsException(
                file,
                at + key,
                (shown.length() > 80 ? shown.substring(0, 80) + "..." : shown) + " (expected: " + expected + ")");
    }

    private Iterable<JsonNode> array(String key) {
        JsonNode value = get(key, "an array");
        if (!value.isArray()) {
            throw problem(key, value, "an array");
        }
        return value;
    }

    private JsonNode get(String key, String expected) {
        if (!has(key)) {
            throw new WeightsException(file, at + key, "missing (expected: " + expected + ")");
        }
        return node.path(key);
    }
}
