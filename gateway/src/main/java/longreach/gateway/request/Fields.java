package longreach.gateway.request;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.Optional;
import longreach.gateway.error.ApiException;

/** Reads the fields of an object that a stranger wrote. JSON's null counts as absent. */
public record Fields(JsonObject object, String path) {
    public String at(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    private Optional<JsonElement> get(String name) {
        var value = object.get(name);
        return value == null || value.isJsonNull() ? Optional.empty() : Optional.of(value);
    }

    public boolean has(String name) {
        return get(name).isPresent();
    }

    public JsonElement any(String name) {
        return get(name).orElseThrow(() -> ApiException.badField(at(name), "absent", "a value"));
    }

    public Optional<String> text(String name) {
        return get(name).map(value -> {
            if (value instanceof JsonPrimitive primitive && primitive.isString()) {
                return primitive.getAsString();
            }
            throw wrong(name, value, "a string");
        });
    }

    public Optional<Double> number(String name) {
        return get(name).map(value -> {
            if (value instanceof JsonPrimitive primitive && primitive.isNumber()) {
                return primitive.getAsDouble();
            }
            throw wrong(name, value, "a number");
        });
    }

    public Optional<Integer> integer(String name) {
        return number(name).map(value -> {
            if (value != Math.rint(value) || Math.abs(value) > Integer.MAX_VALUE) {
                throw ApiException.badField(at(name), value, "a whole number");
            }
            return value.intValue();
        });
    }

    public boolean flag(String name) {
        return get(name)
                .map(value -> {
                    if (value instanceof JsonPrimitive primitive && primitive.isBoolean()) {
                        return primitive.getAsBoolean();
                    }
                    throw wrong(name, value, "true or false");
                })
                .orElse(false);
    }

    public Optional<JsonArray> list(String name) {
        return get(name).map(value -> {
            if (value instanceof JsonArray array) {
                return array;
            }
            throw wrong(name, value, "a list");
        });
    }

    public Optional<Fields> child(String name) {
        return get(name).map(value -> of(value, at(name)));
    }

    public static Fields of(JsonElement value, String path) {
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
