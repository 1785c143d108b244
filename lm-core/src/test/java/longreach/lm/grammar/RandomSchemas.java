package longreach.lm.grammar;

import java.util.List;
import java.util.Random;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Schemas of every kind that is supported, nested at random. */
final class RandomSchemas {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final List<String> NAMES = List.of("a", "b", "name", "x y", "ü", "q\"", "tags", "日本");
    private static final List<String> PATTERNS =
            List.of("^[a-c]{1,4}$", "^\\d{3}-\\d{2}$", "x", "^(foo|bar)+$", "^[^a-z\"]*$", "^.{2,5}$");

    private final Random random;

    RandomSchemas(Random random) {
        this.random = random;
    }

    String next() {
        ObjectNode schema = schema(3);
        if (random.nextInt(4) == 0) {
            // A list of itself, under a name that no property has.
            ObjectNode whole = JSON.createObjectNode();
            whole.set("$defs", JSON.createObjectNode().set("node", recursive(schema)));
            whole.put("$ref", "#/$defs/node");
            return whole.toString();
        }
        return schema.toString();
    }

    private ObjectNode recursive(ObjectNode value) {
        ObjectNode node = JSON.createObjectNode().put("type", "object");
        ObjectNode properties = node.putObject("properties");
        properties.set("value", value);
        ObjectNode list = properties.putObject("more").put("type", "array").put("maxItems", 2);
        list.putObject("items").put("$ref", "#/$defs/node");
        node.putArray("required").add("value");
        return node.put("additionalProperties", false);
    }

    private ObjectNode schema(int depth) {
        return switch (random.nextInt(depth > 0 ? 9 : 6)) {
            case 0 -> string();
            case 1 -> number();
            case 2 -> integer();
            case 3 -> JSON.createObjectNode().put("type", random.nextBoolean() ? "boolean" : "null");
            case 4 -> values();
            case 5 -> union();
            case 6 -> array(depth - 1);
            case 7 -> alternatives(depth - 1);
            default -> object(depth - 1);
        };
    }

    private ObjectNode string() {
        ObjectNode schema = JSON.createObjectNode().put("type", "string");
        switch (random.nextInt(4)) {
            case 0 -> {
                int min = random.nextInt(6);
                schema.put("minLength", min).put("maxLength", min + random.nextInt(20));
            }
            case 1 -> schema.put("pattern", PATTERNS.get(random.nextInt(PATTERNS.size())));
            case 2 ->
                schema.put(
                        "format",
                        List.of("date", "time", "date-time", "uuid", "ipv4").get(random.nextInt(5)));
            default -> {}
        }
        return schema;
    }

    private ObjectNode number() {
        ObjectNode schema = JSON.createObjectNode().put("type", "number");
        if (random.nextBoolean()) {
            double low = random.nextInt(-4000, 4000) / 8.0;
            schema.put(random.nextBoolean() ? "minimum" : "exclusiveMinimum", low);
            schema.put(random.nextBoolean() ? "maximum" : "exclusiveMaximum", low + 0.5 + random.nextInt(100));
        }
        return schema;
    }

    private ObjectNode integer() {
        ObjectNode schema = JSON.createObjectNode().put("type", "integer");
        int low = random.nextInt(-500, 500);
        switch (random.nextInt(3)) {
            case 0 -> schema.put("minimum", low).put("exclusiveMaximum", low + 1 + random.nextInt(2000));
            case 1 -> schema.put("maximum", low);
            default -> {}
        }
        return schema;
    }

    private ObjectNode values() {
        ObjectNode schema = JSON.createObjectNode();
        if (random.nextBoolean()) {
            return schema.put("const", NAMES.get(random.nextInt(NAMES.size())));
        }
        var list = schema.putArray("enum");
        for (int i = 0; i <= random.nextInt(4); i++) {
            switch (random.nextInt(3)) {
                case 0 -> list.add(NAMES.get(random.nextInt(NAMES.size())));
                case 1 -> list.add(random.nextInt(-9, 9));
                default -> list.addNull();
            }
        }
        return schema;
    }

    private ObjectNode union() {
        ObjectNode schema = JSON.createObjectNode();
        schema.putArray("type").add("integer").add("null").add("string");
        return schema;
    }

    private ObjectNode array(int depth) {
        ObjectNode schema = JSON.createObjectNode().put("type", "array");
        if (random.nextInt(3) == 0) {
            var prefix = schema.putArray("prefixItems");
            prefix.add(schema(depth)).add(schema(depth));
            if (random.nextBoolean()) {
                return schema.put("items", false).put("minItems", random.nextInt(3));
            }
        }
        schema.set("items", schema(depth));
        int min = random.nextInt(3);
        return schema.put("minItems", min).put("maxItems", min + random.nextInt(3));
    }

    private ObjectNode alternatives(int depth) {
        ObjectNode schema = JSON.createObjectNode();
        var list = schema.putArray("anyOf");
        for (int i = 0; i < 2 + random.nextInt(2); i++) {
            list.add(schema(depth));
        }
        return schema;
    }

    private ObjectNode object(int depth) {
        ObjectNode schema = JSON.createObjectNode().put("type", "object");
        ObjectNode properties = schema.putObject("properties");
        var required = schema.putArray("required");
        int count = random.nextInt(5);
        for (int i = 0; i < count; i++) {
            String name = NAMES.get(random.nextInt(NAMES.size()));
            if (!properties.has(name)) {
                properties.set(name, schema(depth));
                if (random.nextBoolean()) {
                    required.add(name);
                }
            }
        }
        if (required.isEmpty()) {
            schema.remove("required");
        }
        switch (random.nextInt(3)) {
            case 0 -> schema.put("additionalProperties", false);
            case 1 -> schema.set("additionalProperties", schema(0));
            default -> {}
        }
        return schema;
    }
}
