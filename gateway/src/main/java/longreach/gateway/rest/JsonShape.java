package longreach.gateway.rest;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import java.math.BigDecimal;
import java.text.ParseException;
import java.util.Base64;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import longreach.gateway.error.ApiException;

/**
 * Holds JSON to a message's fields and says where it does not fit: the parser of messages would say what, but not where,
 * and pass over words that an enumeration does not have. Words may be written in any case, and a list of one message as
 * that message.
 */
final class JsonShape {
    /** Deeper ones are left to the parser, which refuses them. */
    private static final int MAX_DEPTH = 100;
    /** New ones come up, and none of them means anything here. */
    private static final Set<String> OPEN_WORDS = Set.of("longreach.gemini.v1beta.HarmCategory", "HarmCategory");

    private static final Map<Descriptor, Map<String, FieldDescriptor>> FIELDS = new ConcurrentHashMap<>();

    private boolean changed;

    private JsonShape() {}

    /**
     * @return whether the tree was changed: words whose case was another, a message where a list of them belongs
     * @throws ApiException INVALID_ARGUMENT with the path of the first field that does not fit
     */
    static boolean check(JsonElement tree, Descriptor message) {
        var shape = new JsonShape();
        shape.message(tree, message, "", 0);
        return shape.changed;
    }

    private static Map<String, FieldDescriptor> fields(Descriptor message) {
        return FIELDS.computeIfAbsent(message, type -> {
            var names = new HashMap<String, FieldDescriptor>();
            for (var field : type.getFields()) {
                names.put(field.getName(), field);
                names.put(field.getJsonName(), field);
            }
            return Map.copyOf(names);
        });
    }

    private void message(JsonElement value, Descriptor message, String path, int depth) {
        switch (message.getFullName()) {
            case "google.protobuf.Value" -> {
                return;
            }
            case "google.protobuf.Struct" -> {
                object(value, path, "an object");
                return;
            }
            case "google.protobuf.Duration" -> {
                duration(value, path);
                return;
            }
            case "google.protobuf.Timestamp" -> {
                timestamp(value, path);
                return;
            }
            case "google.protobuf.FieldMask", "google.protobuf.Any", "google.protobuf.ListValue" -> {
                return;
            }
            default -> {}
        }
        var object = object(value, path, "an object");
        if (depth > MAX_DEPTH) {
            return;
        }
        var fields = fields(message);
        for (var entry : object.entrySet()) {
            var field = fields.get(entry.getKey());
            if (field != null && !(entry.getValue() instanceof JsonNull)) {
                var at = path.isEmpty() ? entry.getKey() : path + "." + entry.getKey();
                var fixed = field(entry.getValue(), field, at, depth);
                if (fixed != entry.getValue()) {
                    entry.setValue(fixed);
                    changed = true;
                }
            }
        }
    }

    private JsonElement field(JsonElement value, FieldDescriptor field, String path, int depth) {
        if (field.isMapField()) {
            var values = field.getMessageType().findFieldByName("value");
            for (var entry : object(value, path, "an object").entrySet()) {
                single(entry.getValue(), values, path + "." + entry.getKey(), depth + 1);
            }
            return value;
        }
        if (!field.isRepeated()) {
            return single(value, field, path, depth + 1);
        }
        // As the reference service takes it, and some clients rely on: one message stands for a list of one.
        if (value instanceof JsonObject && field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
            var one = new JsonArray();
            one.add(single(value, field, path, depth + 1));
            return one;
        }
        if (!(value instanceof JsonArray list)) {
            throw ApiException.badField(path, kind(value), "a list");
        }
        for (int i = 0; i < list.size(); i++) {
            var fixed = single(list.get(i), field, path + "[" + i + "]", depth + 1);
            if (fixed != list.get(i)) {
                list.set(i, fixed);
                changed = true;
            }
        }
        return value;
    }

    private JsonElement single(JsonElement value, FieldDescriptor field, String path, int depth) {
        switch (field.getJavaType()) {
            case MESSAGE -> message(value, field.getMessageType(), path, depth);
            case ENUM -> {
                return word(value, field.getEnumType(), path);
            }
            case STRING -> {
                if (!(value instanceof JsonPrimitive)) {
                    throw ApiException.badField(path, kind(value), "a string");
                }
            }
            case BOOLEAN -> {
                if (!(value instanceof JsonPrimitive flag)
                        || !flag.isBoolean() && !Set.of("true", "false").contains(flag.getAsString())) {
                    throw ApiException.badField(path, kind(value), "true or false");
                }
            }
            case BYTE_STRING -> bytes(value, path);
            case INT, LONG -> integer(value, field, path);
            case FLOAT, DOUBLE -> number(value, path);
        }
        return value;
    }

    private static JsonObject object(JsonElement value, String path, String expected) {
        if (value instanceof JsonObject object) {
            return object;
        }
        throw ApiException.badField(path.isEmpty() ? "request body" : path, kind(value), expected);
    }

    private static JsonElement word(JsonElement value, EnumDescriptor type, String path) {
        if (value instanceof JsonPrimitive primitive && primitive.isNumber()) {
            return value;
        }
        if (!(value instanceof JsonPrimitive word) || !word.isString()) {
            throw ApiException.badField(path, kind(value), words(type));
        }
        if (type.findValueByName(word.getAsString()) != null) {
            return value;
        }
        var upper = word.getAsString().toUpperCase(Locale.ROOT);
        if (type.findValueByName(upper) != null) {
            return new JsonPrimitive(upper);
        }
        if (OPEN_WORDS.contains(type.getName())) {
            return value;
        }
        throw ApiException.badField(path, quoted(word.getAsString()), words(type));
    }

    private static String words(EnumDescriptor type) {
        return type.getValues().stream()
                .filter(each -> each.getNumber() != 0)
                .map(each -> each.getName())
                .collect(Collectors.joining(", "));
    }

    private static BigDecimal number(JsonElement value, String path) {
        if (value instanceof JsonPrimitive primitive && !primitive.isBoolean()) {
            var text = primitive.getAsString();
            if (Set.of("NaN", "Infinity", "-Infinity").contains(text)) {
                return BigDecimal.ZERO;
            }
            try {
                // Longer ones name no number that a field could hold, and are slow to read.
                if (text.length() <= 100) {
                    return new BigDecimal(text);
                }
            } catch (NumberFormatException e) {
                throw ApiException.badField(path, quoted(text), "a number");
            }
        }
        throw ApiException.badField(path, kind(value), "a number");
    }

    private static void integer(JsonElement value, FieldDescriptor field, String path) {
        var number = number(value, path);
        int bits = field.getJavaType() == FieldDescriptor.JavaType.INT ? 31 : 63;
        // The scale first: 1e999999999 must not be written out.
        boolean fits = Math.abs((long) number.precision() - number.scale()) <= 20
                && number.stripTrailingZeros().scale() <= 0
                && number.toBigInteger().bitLength() <= bits;
        if (!fits) {
            throw ApiException.badField(path, kind(value), "a whole number of " + (bits + 1) + " bits");
        }
    }

    private static void bytes(JsonElement value, String path) {
        if (!(value instanceof JsonPrimitive text) || !text.isString()) {
            throw ApiException.badField(path, kind(value), "base64");
        }
        try {
            Base64.getDecoder().decode(text.getAsString());
        } catch (IllegalArgumentException e) {
            try {
                Base64.getUrlDecoder().decode(text.getAsString());
            } catch (IllegalArgumentException again) {
                throw ApiException.badField(path, "broken base64", "standard or URL-safe base64");
            }
        }
    }

    private static void duration(JsonElement value, String path) {
        try {
            Durations.parse(string(value, path, "seconds, as in \"12.5s\""));
        } catch (ParseException e) {
            throw ApiException.badField(path, kind(value), "seconds, as in \"12.5s\"");
        }
    }

    private static void timestamp(JsonElement value, String path) {
        try {
            Timestamps.parse(string(value, path, "a time, as in \"2030-01-31T12:00:00Z\""));
        } catch (ParseException e) {
            throw ApiException.badField(path, kind(value), "a time, as in \"2030-01-31T12:00:00Z\"");
        }
    }

    private static String string(JsonElement value, String path, String expected) {
        if (value instanceof JsonPrimitive text && text.isString()) {
            return text.getAsString();
        }
        throw ApiException.badField(path, kind(value), expected);
    }

    private static String kind(JsonElement value) {
        if (value instanceof JsonObject) {
            return "an object";
        }
        if (value instanceof JsonArray) {
            return "a list";
        }
        if (value instanceof JsonPrimitive primitive) {
            return primitive.isString() ? quoted(primitive.getAsString()) : shorten(primitive.getAsString());
        }
        return "null";
    }

    private static String quoted(String text) {
        return '"' + shorten(text) + '"';
    }

    private static String shorten(String text) {
        return text.length() <= 40 ? text : text.substring(0, 37) + "...";
    }
}
