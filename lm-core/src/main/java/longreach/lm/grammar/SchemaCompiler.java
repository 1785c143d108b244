package longreach.lm.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * JSON Schema (2020-12, and the OpenAPI subset that Gemini speaks) to a grammar of compact JSON: members in the order of
 * {@code propertyOrdering} or of the schema, no whitespace but one space that may follow a comma or colon.
 *
 * <p>Keywords that describe but do not constrain are passed over, as the specification has it, and so are unknown ones.
 * Those that constrain and are not kept here are refused by name, so that what comes out always validates. Two defaults
 * are narrower than the specification's: an object that declares properties has no others unless
 * {@code additionalProperties} allows them, and a schema without {@code type} has the type that its keywords speak of.
 */
final class SchemaCompiler {
    static final int MAX_SCHEMA_CHARACTERS = 512 * 1024;
    private static final int MAX_NESTING = 100;
    private static final int MAX_NODES = 20_000;
    private static final int MAX_PROPERTIES = 1000;
    private static final int MAX_VALUES = 5000;
    private static final int MAX_COUNT = 1_000_000;

    private static final List<String> REFUSED = List.of(
            "not",
            "if",
            "then",
            "else",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
            "patternProperties",
            "propertyNames",
            "unevaluatedProperties",
            "unevaluatedItems",
            "contains",
            "minContains",
            "maxContains",
            "multipleOf",
            "$dynamicRef",
            "$recursiveRef",
            "contentEncoding",
            "contentMediaType",
            "contentSchema");

    private static final Map<String, List<String>> TYPES_OF = new LinkedHashMap<>();

    static {
        TYPES_OF.put(
                "object", List.of("properties", "required", "additionalProperties", "minProperties", "maxProperties"));
        TYPES_OF.put("array", List.of("items", "prefixItems", "minItems", "maxItems", "uniqueItems"));
        TYPES_OF.put("string", List.of("minLength", "maxLength", "pattern", "format"));
        TYPES_OF.put("number", List.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"));
    }

    private static final List<String> ALL_TYPES = List.of("object", "array", "string", "number", "boolean", "null");
    private static final JsonMapper JSON = JsonMapper.shared();

    private final JsonNode document;
    private final Map<JsonNode, Node.Rule> rules = new IdentityHashMap<>();
    private final Node.Rule anyValue = new Node.Rule();
    private final Work work = new Work();
    private boolean anyValueMade;
    private int nodes;
    private int nesting;

    private SchemaCompiler(JsonNode document) {
        this.document = document;
    }

    /**
     * @param label what messages call the schema; may be empty
     * @throws SchemaException when it is not a schema, or asks for what is not kept here
     */
    static Node compile(String schema, String label) {
        if (schema.length() > MAX_SCHEMA_CHARACTERS) {
            throw new SchemaException(
                    label, "schema", schema.length() + " characters", "at most " + MAX_SCHEMA_CHARACTERS);
        }
        JsonNode document;
        try {
            document = JSON.readTree(schema);
        } catch (JacksonException e) {
            throw new SchemaException(
                    label, "schema", "not JSON: " + firstLine(e.getOriginalMessage()), "a JSON Schema");
        }
        try {
            return new SchemaCompiler(document).node(document, label);
        } catch (Nfa.TooLarge e) {
            throw new SchemaException(
                    label,
                    "schema",
                    "patterns, numbers and keys that take too long to prepare",
                    "fewer or simpler ones");
        }
    }

    private static String firstLine(String text) {
        int end = text.indexOf('\n');
        return end < 0 ? text : text.substring(0, end);
    }

    /** A choice of texts as they are, without quotes. */
    static Node choice(List<String> texts) {
        List<byte[]> bytes = new ArrayList<>();
        for (String text : texts) {
            if (text.isEmpty() || bytes.size() == MAX_VALUES) {
                throw new SchemaException(
                        "",
                        "enum",
                        text.isEmpty() ? "an empty text" : "more than " + MAX_VALUES + " values",
                        "1 to " + MAX_VALUES + " texts, none empty");
            }
            bytes.add(text.getBytes(StandardCharsets.UTF_8));
        }
        if (bytes.isEmpty()) {
            throw new SchemaException("", "enum", "no values", "at least one");
        }
        return new Leaf.Regular(Dfa.ofTexts(bytes));
    }

    private Node node(JsonNode schema, String path) {
        if (++nodes > MAX_NODES) {
            throw new SchemaException(path, "schema", "more than " + MAX_NODES + " parts", "a smaller schema");
        }
        if (++nesting > MAX_NESTING) {
            throw new SchemaException(path, "schema", "nested more than " + MAX_NESTING + " deep", "a flatter schema");
        }
        try {
            if (schema.isObject()) {
                return object(schema, path);
            }
            if (!schema.isBoolean()) {
                throw new SchemaException(path, "schema", kind(schema), "an object or true");
            }
            if (!schema.booleanValue()) {
                throw new SchemaException(path, "schema", "false", "a schema that something satisfies");
            }
            return any();
        } finally {
            nesting--;
        }
    }

    private static String kind(JsonNode node) {
        return node.getNodeType().name().toLowerCase(Locale.ROOT);
    }

    private Node object(JsonNode schema, String path) {
        for (String keyword : REFUSED) {
            if (schema.has(keyword)) {
                throw new SchemaException(path, keyword, "set", "none; it is not supported");
            }
        }
        if (schema.path("uniqueItems").booleanValue(false)) {
            throw new SchemaException(path, "uniqueItems", "true", "none; it is not supported");
        }
        Node node = base(schema, path);
        return schema.path("nullable").booleanValue(false) ? new Node.Any(List.of(node, literal("null"))) : node;
    }

    private Node base(JsonNode schema, String path) {
        if (schema.has("$ref")) {
            alone(schema, path, "$ref", Set.of());
            return reference(schema.get("$ref"), path);
        }
        if (schema.has("allOf")) {
            alone(schema, path, "allOf", Set.of());
            JsonNode all = list(schema, "allOf", path);
            if (all.size() != 1) {
                throw new SchemaException(path, "allOf", all.size() + " schemas", "exactly one");
            }
            return node(all.get(0), path + "/allOf/0");
        }
        if (schema.has("const")) {
            alone(schema, path, "const", Set.of("type", "enum"));
            return values(List.of(schema.get("const")), schema, path, "const");
        }
        if (schema.has("enum")) {
            // Gemini's schemas say "format": "enum" beside it.
            alone(schema, path, "enum", Set.of("type", "format"));
            return values(list(schema, "enum", path).valueStream().toList(), schema, path, "enum");
        }
        for (String keyword : List.of("anyOf", "oneOf")) {
            if (schema.has(keyword)) {
                alone(schema, path, keyword, Set.of("type"));
                return alternatives(schema, keyword, path);
            }
        }
        List<String> types = types(schema, path);
        List<Node> choices = new ArrayList<>();
        for (String type : types) {
            choices.add(typed(type, schema, path));
        }
        return choices.size() == 1 ? choices.getFirst() : new Node.Any(choices);
    }

    /** Refuses constraints beside a keyword that says everything already: both would have to hold at once. */
    private static void alone(JsonNode schema, String path, String keyword, Set<String> allowed) {
        Set<String> constraints =
                new LinkedHashSet<>(List.of("$ref", "allOf", "const", "enum", "anyOf", "oneOf", "type"));
        TYPES_OF.values().forEach(constraints::addAll);
        constraints.remove(keyword);
        constraints.removeAll(allowed);
        for (String constraint : constraints) {
            if (schema.has(constraint)) {
                throw new SchemaException(path, constraint, "beside " + keyword, "one of the two");
            }
        }
    }

    private static JsonNode list(JsonNode schema, String keyword, String path) {
        JsonNode list = schema.get(keyword);
        if (!list.isArray() || list.isEmpty() || list.size() > MAX_VALUES) {
            throw new SchemaException(
                    path,
                    keyword,
                    list.isArray() ? list.size() + " of them" : kind(list),
                    "a list of 1 to " + MAX_VALUES);
        }
        return list;
    }

    private Node reference(JsonNode reference, String path) {
        String pointer = reference.isString() ? reference.stringValue() : kind(reference);
        JsonNode target = null;
        if (pointer.equals("#") || pointer.startsWith("#/")) {
            try {
                target = document.at(java.net.URI.create(pointer).getFragment());
            } catch (IllegalArgumentException e) {
                target = null;
            }
        }
        if (target == null || target.isMissingNode()) {
            throw new SchemaException(path, "$ref", pointer, "a place in this schema, such as #/$defs/name");
        }
        Node.Rule rule = rules.get(target);
        if (rule == null) {
            rule = new Node.Rule();
            rules.put(target, rule);
            rule.target = node(target, pointer.substring(1));
        }
        return rule;
    }

    private static List<String> types(JsonNode schema, String path) {
        JsonNode type = schema.path("type");
        if (type.isMissingNode()) {
            List<String> implied = TYPES_OF.entrySet().stream()
                    .filter(entry -> entry.getValue().stream().anyMatch(schema::has))
                    .map(Map.Entry::getKey)
                    .toList();
            return implied.isEmpty() ? ALL_TYPES : implied;
        }
        List<JsonNode> names = type.isArray() ? type.valueStream().toList() : List.of(type);
        Set<String> types = new LinkedHashSet<>();
        for (JsonNode name : names) {
            String lower = name.isString() ? name.stringValue().toLowerCase(Locale.ROOT) : "";
            if (!ALL_TYPES.contains(lower) && !lower.equals("integer")) {
                throw new SchemaException(
                        path,
                        "type",
                        name.isString() ? shorten(name.stringValue()) : kind(name),
                        "object, array, string, number, integer, boolean or null");
            }
            types.add(lower);
        }
        if (types.isEmpty()) {
            throw new SchemaException(path, "type", "an empty list", "at least one type");
        }
        if (types.contains("number")) {
            types.remove("integer");
        }
        return List.copyOf(types);
    }

    private Node typed(String type, JsonNode schema, String path) {
        return switch (type) {
            case "string" -> StringGrammar.string(schema, path, work);
            case "number" -> NumberGrammar.number(schema, path, false, work);
            case "integer" -> NumberGrammar.number(schema, path, true, work);
            case "boolean" -> literals(List.of("true", "false"));
            case "null" -> literal("null");
            case "array" -> array(schema, path);
            default -> members(schema, path);
        };
    }

    static Leaf literal(String text) {
        return literals(List.of(text));
    }

    static Leaf literals(List<String> texts) {
        return new Leaf.Regular(Dfa.ofTexts(texts.stream()
                .map(text -> text.getBytes(StandardCharsets.UTF_8))
                .toList()));
    }

    private Node values(List<JsonNode> values, JsonNode schema, String path, String keyword) {
        List<String> types = schema.has("type") ? types(schema, path) : ALL_TYPES;
        Set<String> texts = new LinkedHashSet<>();
        for (JsonNode value : values) {
            if (types.contains(typeOf(value))
                    || value.isNumber() && types.contains("integer") && Disjoint.isWhole(value)) {
                texts.add(spell(value));
            }
        }
        if (texts.isEmpty()) {
            throw new SchemaException(
                    path, keyword, "no value of the type " + String.join(" or ", types), "at least one");
        }
        return literals(List.copyOf(texts));
    }

    static String typeOf(JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT, POJO -> "object";
            case ARRAY -> "array";
            case STRING, BINARY -> "string";
            case NUMBER -> "number";
            case BOOLEAN -> "boolean";
            case NULL, MISSING -> "null";
        };
    }

    private static String spell(JsonNode value) {
        if (value.isString()) {
            return JsonText.quote(value.stringValue());
        }
        if (value.isArray()) {
            return "["
                    + String.join(
                            ",", value.valueStream().map(SchemaCompiler::spell).toList()) + "]";
        }
        if (value.isObject()) {
            List<String> members = new ArrayList<>();
            value.properties()
                    .forEach(entry -> members.add(JsonText.quote(entry.getKey()) + ":" + spell(entry.getValue())));
            return "{" + String.join(",", members) + "}";
        }
        // Protobuf's JSON knows floating point only.
        return value.isNumber() && Disjoint.isWhole(value) && Math.abs(value.doubleValue()) < 1e15
                ? Long.toString((long) value.doubleValue())
                : value.toString();
    }

    private Node alternatives(JsonNode schema, String keyword, String path) {
        JsonNode list = list(schema, keyword, path);
        List<JsonNode> branches = new ArrayList<>();
        // Equal branches would only keep more stacks alive.
        for (JsonNode branch : new LinkedHashSet<>(list.valueStream().toList())) {
            if (!branch.isBoolean() || branch.booleanValue()) {
                branches.add(branch);
            }
        }
        if (keyword.equals("oneOf")) {
            new Disjoint(document).require(list.valueStream().toList(), path);
        }
        if (branches.isEmpty()) {
            throw new SchemaException(path, keyword, "false only", "a schema that something satisfies");
        }
        List<Node> choices = new ArrayList<>();
        for (int i = 0; i < branches.size(); i++) {
            JsonNode branch = branches.get(i);
            if (schema.has("type")) {
                branch = withType(branch, schema, path, keyword);
            }
            choices.add(node(branch, path + "/" + keyword + "/" + i));
        }
        return choices.size() == 1 ? choices.getFirst() : new Node.Any(choices);
    }

    /** A type beside alternatives holds for each of them. */
    private static JsonNode withType(JsonNode branch, JsonNode schema, String path, String keyword) {
        if (branch instanceof ObjectNode object && !branch.has("$ref")) {
            if (!branch.has("type")) {
                return object.deepCopy().set("type", schema.get("type"));
            }
            if (types(schema, path).containsAll(types(branch, path))) {
                return branch;
            }
        }
        throw new SchemaException(path, "type", "beside " + keyword, "one of the two");
    }

    private Node array(JsonNode schema, String path) {
        int min = count(schema, "minItems", path, 0);
        int max = count(schema, "maxItems", path, Integer.MAX_VALUE);
        List<Node> first = new ArrayList<>();
        if (schema.has("prefixItems")) {
            JsonNode list = list(schema, "prefixItems", path);
            for (int i = 0; i < list.size() && i < max; i++) {
                first.add(node(list.get(i), path + "/prefixItems/" + i));
            }
        }
        JsonNode items = schema.path("items");
        Node rest = null;
        if (items.isMissingNode()) {
            rest = any();
        } else if (!items.isBoolean() || items.booleanValue()) {
            rest = max > first.size() ? node(items, path + "/items") : null;
        }
        if (min > max || rest == null && min > first.size()) {
            throw new SchemaException(
                    path, "minItems", String.valueOf(min), "at most " + (rest == null ? first.size() : max));
        }
        return Node.All.of(literal("["), new Node.Items(first, rest, min, max), literal("]"));
    }

    static int count(JsonNode schema, String keyword, String path, int absent) {
        JsonNode value = schema.path(keyword);
        if (value.isMissingNode()) {
            return absent;
        }
        // Gemini's JSON writes 64-bit integers as strings.
        double number = NumberGrammar.value(value);
        if (!(number >= 0) || number != Math.rint(number)) {
            throw new SchemaException(path, keyword, shorten(value.toString()), "a whole number, 0 or more");
        }
        if (number > MAX_COUNT) {
            if (keyword.startsWith("max")) {
                return absent;
            }
            throw new SchemaException(path, keyword, shorten(value.toString()), "at most " + MAX_COUNT);
        }
        return (int) number;
    }

    private Node members(JsonNode schema, String path) {
        JsonNode properties = schema.path("properties");
        if (!properties.isMissingNode() && !properties.isObject()) {
            throw new SchemaException(path, "properties", kind(properties), "an object");
        }
        Map<String, JsonNode> declared = new LinkedHashMap<>();
        if (schema.path("propertyOrdering").isArray()) {
            for (JsonNode name : schema.get("propertyOrdering")) {
                JsonNode value = name.isString() ? properties.get(name.stringValue()) : null;
                if (value == null) {
                    throw new SchemaException(
                            path, "propertyOrdering", shorten(name.toString()), "the name of a property");
                }
                declared.put(name.stringValue(), value);
            }
        }
        properties.properties().forEach(entry -> declared.putIfAbsent(entry.getKey(), entry.getValue()));

        JsonNode additional = schema.path("additionalProperties");
        boolean open =
                additional.isMissingNode() ? declared.isEmpty() : !additional.isBoolean() || additional.booleanValue();
        Set<String> required = required(schema, path);
        for (String name : required) {
            if (!declared.containsKey(name)) {
                if (!open && !additional.isMissingNode()) {
                    throw new SchemaException(path, "required", shorten(name), "the name of a property");
                }
                declared.put(name, open && additional.isObject() ? additional : JSON.readTree("true"));
            }
        }
        if (declared.size() > MAX_PROPERTIES) {
            throw new SchemaException(path, "properties", declared.size() + " of them", "at most " + MAX_PROPERTIES);
        }
        List<Node.Members.Member> members = new ArrayList<>();
        declared.forEach((name, value) -> {
            boolean needed = required.contains(name);
            boolean impossible = value.isBoolean() && !value.booleanValue();
            if (needed || !impossible) {
                members.add(member(JsonText.quote(name), node(value, path + "/properties/" + escape(name)), needed));
            }
        });
        Node.Members.Member other = open ? other(declared.keySet(), additional, path) : null;
        int min = count(schema, "minProperties", path, 0);
        int max = count(schema, "maxProperties", path, Integer.MAX_VALUE);
        if (required.size() > max || min > max || other == null && min > members.size()) {
            throw new SchemaException(
                    path,
                    min > max || required.size() <= max ? "minProperties" : "maxProperties",
                    "no object has so many members",
                    "from " + required.size() + (other == null ? " to " + members.size() : " up"));
        }
        return Node.All.of(literal("{"), new Node.Members(members, other, min, max), literal("}"));
    }

    private static Set<String> required(JsonNode schema, String path) {
        Set<String> names = new LinkedHashSet<>();
        JsonNode required = schema.path("required");
        if (!required.isMissingNode() && !required.isArray()) {
            throw new SchemaException(path, "required", kind(required), "a list of names");
        }
        for (JsonNode name : required) {
            if (!name.isString()) {
                throw new SchemaException(path, "required", kind(name), "a list of names");
            }
            names.add(name.stringValue());
        }
        return names;
    }

    private static Node.Members.Member member(String key, Node value, boolean required) {
        List<String> colons = List.of(":", ": ");
        return new Node.Members.Member(
                literals(colons.stream().map(colon -> key + colon).toList()),
                literals(colons.stream()
                        .flatMap(colon -> List.of("," + key + colon, ", " + key + colon).stream())
                        .toList()),
                value,
                required);
    }

    /** Members with keys that none of the declared ones has. */
    private Node.Members.Member other(Set<String> declared, JsonNode additional, String path) {
        Node value = additional.isObject() ? node(additional, path + "/additionalProperties") : any();
        Dfa key = JsonText.PLAIN_KEY;
        if (!declared.isEmpty()) {
            byte[][] names = declared.stream()
                    .map(name -> JsonText.quote(name).getBytes(StandardCharsets.UTF_8))
                    .toArray(byte[][]::new);
            key = key.and(new Leaf.Regular(Dfa.ofTexts(List.of(names))), true, work);
        }
        return other(new Leaf.Regular(key), value);
    }

    private static Node.Members.Member other(Leaf key, Node value) {
        return new Node.Members.Member(
                Node.All.of(key, JsonText.COLON), Node.All.of(JsonText.COMMA, key, JsonText.COLON), value, false);
    }

    private static String escape(String name) {
        return shorten(name).replace("~", "~0").replace("/", "~1");
    }

    static String shorten(String text) {
        return text.length() <= 60 ? text : text.substring(0, 57) + "...";
    }

    /** Any JSON value. */
    private Node any() {
        if (!anyValueMade) {
            anyValueMade = true;
            anyValue.target = new Node.Any(List.of(
                    Node.All.of(
                            literal("{"),
                            new Node.Members(
                                    List.of(),
                                    other(new Leaf.Regular(JsonText.PLAIN_KEY), anyValue),
                                    0,
                                    Integer.MAX_VALUE),
                            literal("}")),
                    Node.All.of(literal("["), new Node.Items(List.of(), anyValue, 0, Integer.MAX_VALUE), literal("]")),
                    StringGrammar.any(),
                    new Leaf.Regular(NumberRange.ANY_NUMBER),
                    literals(List.of("true", "false", "null"))));
        }
        return anyValue;
    }
}
