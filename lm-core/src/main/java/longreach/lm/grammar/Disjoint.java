package longreach.lm.grammar;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Shows that no value satisfies two branches of a {@code oneOf}, by their types, by their values, or by a required
 * property whose values differ. A grammar can then take the branches as alternatives.
 */
final class Disjoint {
    private static final int MAX_DEPTH = 20;

    private final JsonNode document;

    Disjoint(JsonNode document) {
        this.document = document;
    }

    /** @throws SchemaException when it cannot be shown */
    void require(List<JsonNode> branches, String path) {
        for (int i = 0; i < branches.size(); i++) {
            for (int j = i + 1; j < branches.size(); j++) {
                if (!apart(resolve(branches.get(i)), resolve(branches.get(j)))) {
                    throw new SchemaException(
                            path,
                            "oneOf",
                            "branches " + i + " and " + j + " may both hold",
                            "branches of different types, or told apart by a required property with const or enum; or"
                                    + " anyOf");
                }
            }
        }
    }

    private JsonNode resolve(JsonNode schema) {
        JsonNode at = schema;
        for (int i = 0; i < MAX_DEPTH && at.path("$ref").isString(); i++) {
            String pointer = at.get("$ref").stringValue();
            if (!pointer.startsWith("#")) {
                break;
            }
            try {
                at = document.at(pointer.substring(1));
            } catch (IllegalArgumentException e) {
                break;
            }
        }
        return at;
    }

    private boolean apart(JsonNode a, JsonNode b) {
        Set<String> typesOfA = types(a, 0);
        typesOfA.retainAll(types(b, 0));
        if (typesOfA.isEmpty()) {
            return true;
        }
        Set<JsonNode> valuesOfA = values(a);
        Set<JsonNode> valuesOfB = values(b);
        if (valuesOfA != null && valuesOfB != null) {
            return java.util.Collections.disjoint(valuesOfA, valuesOfB);
        }
        return typesOfA.equals(Set.of("object")) && toldApartByProperty(a, b);
    }

    private boolean toldApartByProperty(JsonNode a, JsonNode b) {
        Set<JsonNode> requiredOfB =
                new HashSet<>(b.path("required").valueStream().toList());
        for (JsonNode name : a.path("required")) {
            if (name.isString() && requiredOfB.contains(name)) {
                Set<JsonNode> first = values(resolve(a.path("properties").path(name.stringValue())));
                Set<JsonNode> second = values(resolve(b.path("properties").path(name.stringValue())));
                if (first != null && second != null && java.util.Collections.disjoint(first, second)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The only values that satisfy it, or null when there may be others. */
    private static Set<JsonNode> values(JsonNode schema) {
        Set<JsonNode> values = null;
        if (schema.has("const")) {
            values = new HashSet<>(List.of(schema.get("const")));
        } else if (schema.path("enum").isArray()) {
            values = new HashSet<>(schema.get("enum").valueStream().toList());
        }
        return values == null || schema.path("nullable").booleanValue(false) ? null : values;
    }

    private Set<String> types(JsonNode schema, int depth) {
        Set<String> types = new HashSet<>();
        Set<JsonNode> values = values(schema);
        JsonNode type = schema.path("type");
        if (values != null) {
            values.forEach(value -> types.add(SchemaCompiler.typeOf(value)));
        } else if (type.isString()) {
            types.add(type.stringValue().toLowerCase(java.util.Locale.ROOT));
        } else if (type.isArray()) {
            type.forEach(name -> types.add(name.asString("").toLowerCase(java.util.Locale.ROOT)));
        } else if (schema.path("anyOf").isArray() && depth < MAX_DEPTH) {
            schema.get("anyOf").forEach(branch -> types.addAll(types(resolve(branch), depth + 1)));
        } else {
            types.addAll(List.of("object", "array", "string", "number", "boolean", "null"));
        }
        if (types.remove("integer")) {
            types.add("number");
        }
        if (schema.path("nullable").booleanValue(false)) {
            types.add("null");
        }
        return types;
    }

    /** Whether a number is an integer to JSON Schema: 1.0 is. */
    static boolean isWhole(JsonNode number) {
        double value = number.doubleValue();
        return value == Math.rint(value) && !Double.isInfinite(value);
    }
}
