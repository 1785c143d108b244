package longreach.lm.grammar;

import java.math.BigDecimal;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Numbers of a schema. */
final class NumberGrammar {
    private static final Leaf ANY_NUMBER = new Leaf.Regular(NumberRange.ANY_NUMBER);
    private static final Leaf ANY_INTEGER = new Leaf.Regular(NumberRange.ANY_INTEGER);

    private NumberGrammar() {}

    /** NaN for what is no number; Gemini's JSON writes 64-bit integers as strings. */
    static double value(JsonNode node) {
        if (node.isString()) {
            try {
                return Double.parseDouble(node.stringValue());
            } catch (NumberFormatException e) {
                return Double.NaN;
            }
        }
        return node.isNumber() ? node.doubleValue() : Double.NaN;
    }

    static Leaf number(JsonNode schema, String path, boolean whole, Work work) {
        NumberRange.Bound low = bound(schema, "minimum", "exclusiveMinimum", 1, path);
        NumberRange.Bound high = bound(schema, "maximum", "exclusiveMaximum", -1, path);
        if (whole && schema.path("format").stringValue("").equals("int32")) {
            low = tighter(low, new NumberRange.Bound(new BigDecimal(Integer.MIN_VALUE), false), 1);
            high = tighter(high, new NumberRange.Bound(new BigDecimal(Integer.MAX_VALUE), false), -1);
        }
        if (low == null && high == null) {
            return whole ? ANY_INTEGER : ANY_NUMBER;
        }
        Dfa range = whole ? NumberRange.integers(low, high, work) : NumberRange.decimals(low, high, work);
        if (range.isEmpty()) {
            throw new SchemaException(
                    path,
                    low == null ? "maximum" : "minimum",
                    "no number of at most 15 digits satisfies it",
                    "one that some number does");
        }
        return new Leaf.Regular(range);
    }

    /** @param sign 1 for lower bounds, -1 for upper ones */
    private static NumberRange.Bound bound(JsonNode schema, String inclusive, String exclusive, int sign, String path) {
        NumberRange.Bound bound = null;
        if (schema.has(inclusive)) {
            // Draft 4 made a bound exclusive by a flag beside it.
            boolean flag = schema.path(exclusive).booleanValue(false);
            bound = bound(schema.get(inclusive), flag, path, inclusive);
        }
        if (schema.has(exclusive) && !schema.get(exclusive).isBoolean()) {
            NumberRange.Bound other = bound(schema.get(exclusive), true, path, exclusive);
            bound = tighter(bound, other, sign);
        }
        return bound;
    }

    private static NumberRange.Bound bound(JsonNode value, boolean exclusive, String path, String keyword) {
        if (!value.isNumber()) {
            throw new SchemaException(path, keyword, SchemaCompiler.shorten(value.toString()), "a number");
        }
        try {
            return new NumberRange.Bound(value.decimalValue(), exclusive);
        } catch (IllegalArgumentException | JacksonException e) {
            throw new SchemaException(
                    path,
                    keyword,
                    SchemaCompiler.shorten(value.toString()),
                    "at most 15 digits on either side of the point");
        }
    }

    private static NumberRange.Bound tighter(NumberRange.Bound a, NumberRange.Bound b, int sign) {
        if (a == null || b == null) {
            return a == null ? b : a;
        }
        int order = a.value().compareTo(b.value()) * sign;
        return order > 0 || order == 0 && a.exclusive() ? a : b;
    }
}
