package longreach.gateway.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.Optional;
import longreach.gateway.error.ApiException;

/** Reads the fields of an object that a stranger wrote. JSON's null counts as absent. */
record Fields(JsonObject object, String path) {
    String at(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    private Optional<JsonElement> get(String name) {
        var value = object.get(name);
        return value == null || value.isJsonNull() ? Optional.empty() : Optional.of(value);
    }

    boolean has(String name) {
        return get(name).isPresent();
    }

    JsonElement any(String name) {
        return get(name).orElseThrow(() -> ApiException.badField(at(name), "absent", "a value"));
    }

    Optional<String> text(String name) {
        return get(name).map(value -> {
            if (value instanceof JsonPrimitive primitive && primitive.isString()) {
                return primitive.getAsString();
            }
            throw wrong(name, value, "a string");
        });
    }

    Optional<Double> number(String name) {
        return get(name).map(value -> {
            if (value instanceof JsonPrimitive primitive && primitive.isNumber()) {
                return primitive.getAsDouble();
            }
            throw wrong(name, value, "a number");
        });
    }

    Optional<Integer> integer(String name) {
        return number(name).map(value -> {
            if (value != Math.rint(value) || Math.abs(value) > Integer.MAX_VALUE) {
                throw ApiException.badField(at(name), value, "a whole number");
            }
            return value.intValue();
        });
    }

    boolean flag(String name) {
        return get(name)
                .map(value -> {
                    if (value instanceof JsonPrimitive primitive && primitive.isBoolean()) {
                        return primitive.getAsBoolean();
                    }
                    throw wrong(name, value, "true or false");
                })
                .orElse(false);
    }

    Optional<JsonArray> list(String name) {
        return get(name).map(value -> {
            if (value instanceof JsonArray array) {
                return array;
            }
            throw wrong(name, value, "a list");
        });
    }

    Optional<Fields> child(String name) {
        return get(name).map(value -> of(value, at(name)));
    }

    static Fields of(JsonElement value, String path) {
        if (value instanceof JsonObject object) {
            return new Fields(object, path);
        }
        throw ApiException.badField(path, kind(value), "an object");
    }

    private ApiException wrong(String name, JsonElement value, String expected) {
        return ApiException.badField(at(name), kind(value), expected);
    }

    private static String kind(JsonElement value) {
        return switch (value) {
            case JsonObject object -> "an object";
            case JsonArray array -> "a list";
            case JsonPrimitive primitive -> primitive.isString() ? "a string" : primitive.getAsString();
            default -> "null";
        };
    }
}
