package longreach.gateway.request;

import static longreach.gateway.error.ApiException.badField;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import longreach.gemini.v1beta.GenerationConfig;
import longreach.gemini.v1beta.Schema;
import longreach.gemini.v1beta.Type;
import longreach.v1.Choice;
import longreach.v1.Constraint;

/** Gemini's schemas as the text of a JSON Schema, and what a request's answer must be. */
final class AnswerSchema {
    private static final int MAX_DEPTH = 64;
    private static final String JSON = "application/json";
    private static final String ENUM = "text/x.enum";
    private static final JsonFormat.Printer PRINTER = JsonFormat.printer().omittingInsignificantWhitespace();

    private AnswerSchema() {}

    /** Null: any text. @throws ApiException INVALID_ARGUMENT */
    static Constraint constraint(GenerationConfig config) {
        var mime = Requests.mimeType(config.getResponseMimeType());
        boolean hasJsonSchema = config.hasResponseJsonSchema() || config.hasResponseJsonSchemaOrdered();
        if (config.hasResponseSchema() && hasJsonSchema) {
            throw badField("generationConfig.responseJsonSchema", "set beside responseSchema", "one of the two");
        }
        boolean schema = config.hasResponseSchema() || hasJsonSchema;
        return switch (mime) {
            case "", "text/plain" -> {
                if (schema) {
                    throw badField(
                            "generationConfig.responseMimeType",
                            mime.isEmpty() ? "empty" : mime,
                            JSON + " or " + ENUM + " beside a schema");
                }
                yield null;
            }
            case JSON ->
                Constraint.newBuilder()
                        .setJsonSchema(schema ? text(config) : "true")
                        .build();
            case ENUM -> Constraint.newBuilder().setChoice(choice(config)).build();
            default ->
                throw badField(
                        "generationConfig.responseMimeType",
                        Requests.shorten(mime),
                        "text/plain, " + JSON + " or " + ENUM);
        };
    }

    private static String text(GenerationConfig config) {
        if (config.hasResponseSchema()) {
            return text(config.getResponseSchema(), "generationConfig.responseSchema");
        }
        return text(
                config.hasResponseJsonSchemaOrdered()
                        ? config.getResponseJsonSchemaOrdered()
                        : config.getResponseJsonSchema(),
                "generationConfig.responseJsonSchema");
    }

    static String text(Value schema, String path) {
        try {
            return PRINTER.print(schema);
        } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
            throw badField(path, "not JSON", "a JSON Schema");
        }
    }

    static String text(Schema schema, String path) {
        return convert(schema, path, 0).toString();
    }

    private static Choice choice(GenerationConfig config) {
        if (!config.hasResponseSchema() || config.getResponseSchema().getEnumCount() == 0) {
            throw badField("generationConfig.responseSchema.enum", "empty", "the texts to choose from, for " + ENUM);
        }
        return Choice.newBuilder()
                .addAllTexts(config.getResponseSchema().getEnumList())
                .build();
    }

    private static JsonObject convert(Schema schema, String path, int depth) {
        if (depth > MAX_DEPTH) {
            throw badField(path, "nested more than " + MAX_DEPTH + " deep", "a flatter schema");
        }
        var out = new JsonObject();
        type(schema, path, out);
        add(out, "format", schema.getFormat());
        add(out, "title", schema.getTitle());
        add(out, "description", schema.getDescription());
        if (schema.getEnumCount() > 0) {
            out.add("enum", values(schema));
        }
        if (schema.hasItems()) {
            out.add("items", convert(schema.getItems(), path + ".items", depth + 1));
        }
        add(out, "minItems", schema.getMinItems());
        add(out, "maxItems", schema.getMaxItems());
        if (schema.getPropertiesCount() > 0) {
            var properties = new JsonObject();
            schema.getPropertiesMap()
                    .forEach((name, property) ->
                            properties.add(name, convert(property, path + ".properties." + name, depth + 1)));
            out.add("properties", properties);
        }
        addAll(out, "required", schema.getRequiredList());
        addAll(out, "propertyOrdering", schema.getPropertyOrderingList());
        add(out, "minProperties", schema.getMinProperties());
        add(out, "maxProperties", schema.getMaxProperties());
        if (schema.hasMinimum()) {
            out.add("minimum", number(schema.getMinimum(), path + ".minimum"));
        }
        if (schema.hasMaximum()) {
            out.add("maximum", number(schema.getMaximum(), path + ".maximum"));
        }
        add(out, "minLength", schema.getMinLength());
        add(out, "maxLength", schema.getMaxLength());
        add(out, "pattern", schema.getPattern());
        if (schema.getAnyOfCount() > 0) {
            var branches = new JsonArray();
            for (int i = 0; i < schema.getAnyOfCount(); i++) {
                branches.add(convert(schema.getAnyOf(i), path + ".anyOf[" + i + "]", depth + 1));
            }
            out.add("anyOf", branches);
        }
        if (schema.getNullable()) {
            out.addProperty("nullable", true);
        }
        return out;
    }

    private static void type(Schema schema, String path, JsonObject out) {
        switch (schema.getType()) {
            case TYPE_UNSPECIFIED -> {}
            case UNRECOGNIZED -> throw badField(path + ".type", schema.getTypeValue(), "one of " + names());
            default -> out.addProperty("type", schema.getType().name().toLowerCase(Locale.ROOT));
        }
    }

    private static String names() {
        var names = new ArrayList<String>();
        for (var type : Type.values()) {
            if (type != Type.UNRECOGNIZED && type != Type.TYPE_UNSPECIFIED) {
                names.add(type.name());
            }
        }
        return String.join(", ", names);
    }

    /** Gemini writes every value as a string, those of numbers too. */
    private static JsonArray values(Schema schema) {
        var values = new JsonArray();
        boolean numeric = schema.getType() == Type.INTEGER || schema.getType() == Type.NUMBER;
        for (var value : schema.getEnumList()) {
            JsonElement element = new JsonPrimitive(value);
            if (numeric) {
                try {
                    element = new JsonPrimitive(new java.math.BigDecimal(value));
                } catch (NumberFormatException e) {
                    element = JsonNull.INSTANCE;
                }
            }
            values.add(element);
        }
        return values;
    }

    private static JsonPrimitive number(double value, String path) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            throw badField(path, value, "a finite number");
        }
        return new JsonPrimitive(new java.math.BigDecimal(Double.toString(value)).stripTrailingZeros());
    }

    private static void add(JsonObject out, String name, String value) {
        if (!value.isEmpty()) {
            out.addProperty(name, value);
        }
    }

    /** 0 is the field's absence. */
    private static void add(JsonObject out, String name, long value) {
        if (value != 0) {
            out.addProperty(name, value);
        }
    }

    private static void addAll(JsonObject out, String name, List<String> values) {
        if (!values.isEmpty()) {
            var list = new JsonArray();
            values.forEach(list::add);
            out.add(name, list);
        }
    }
}
