package longreach.gateway.rest;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import longreach.gateway.error.ApiException;
import longreach.gemini.v1beta.CachedContent;
import longreach.gemini.v1beta.CountTokensResponse;
import longreach.gemini.v1beta.GenerateContentResponse;

/**
 * Messages as JSON: camelCase and snake_case are read, unknown fields are passed over, camelCase is written, on one
 * line. Counts that clients rely on are written when they are 0 too.
 */
final class Json {
    private static final JsonFormat.Parser PARSER = JsonFormat.parser().ignoringUnknownFields();
    private static final JsonFormat.Printer PRINTER =
            JsonFormat.printer().omittingInsignificantWhitespace().includingDefaultValueFields(alwaysWritten());
    private static final int CHECKED_CHARS = 256 << 10;

    private Json() {}

    private static Set<FieldDescriptor> alwaysWritten() {
        var fields = new HashSet<FieldDescriptor>();
        for (var name : List.of(
                "prompt_token_count", "candidates_token_count", "total_token_count", "cached_content_token_count")) {
            fields.add(GenerateContentResponse.UsageMetadata.getDescriptor().findFieldByName(name));
        }
        fields.add(CountTokensResponse.getDescriptor().findFieldByName("total_tokens"));
        fields.add(CachedContent.UsageMetadata.getDescriptor().findFieldByName("total_token_count"));
        return fields;
    }

    static String print(Message message) {
        try {
            return oneLine(PRINTER.print(message));
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException(
                    "not printable: " + message.getDescriptorForType().getName(), e);
        }
    }

    /** Line separators of Unicode are line breaks to some readers of event streams. */
    static String oneLine(String json) {
        return json.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\u0085", "\\u0085");
    }

    /** Reads a body that is no message of ours. @throws ApiException INVALID_ARGUMENT */
    static JsonObject readObject(HttpServletRequest request, long maxBytes) throws IOException {
        try {
            if (JsonParser.parseString(utf8(bytes(request, maxBytes))) instanceof JsonObject object) {
                return object;
            }
        } catch (JsonParseException e) {
            throw ApiException.badField("request body", "no JSON", "a JSON object");
        }
        throw ApiException.badField("request body", "of another shape", "a JSON object");
    }

    /**
     * Reads a request's body.
     *
     * @param maxBytes larger bodies are refused before they are read to their end
     * @throws ApiException INVALID_ARGUMENT, saying what is wrong with the JSON
     */
    static void read(HttpServletRequest request, long maxBytes, Message.Builder into) throws IOException {
        parse(utf8(bytes(request, maxBytes)), into);
    }

    private static byte[] bytes(HttpServletRequest request, long maxBytes) throws IOException {
        if (request.getContentLengthLong() > maxBytes) {
            throw tooLarge(request.getContentLengthLong() + " bytes", maxBytes);
        }
        var bytes = request.getInputStream().readNBytes((int) Math.min(maxBytes + 1, Integer.MAX_VALUE - 8));
        if (bytes.length > maxBytes) {
            throw tooLarge("more than " + maxBytes + " bytes", maxBytes);
        }
        return bytes;
    }

    private static ApiException tooLarge(String size, long maxBytes) {
        return ApiException.badField("request body", size, "at most " + maxBytes + " bytes; upload media as files");
    }

    private static String utf8(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw ApiException.badField("request body", "not UTF-8", "JSON in UTF-8");
        }
    }

    static void parse(String json, Message.Builder into) {
        if (json.isBlank()) {
            throw ApiException.badField("request body", "empty", "a JSON object");
        }
        var message = into.getDescriptorForType();
        // Large bodies are mostly media, and fit more often than not: they are looked at when the parser gives up.
        boolean large = json.length() > CHECKED_CHARS;
        var failure = merge(large ? json : checked(json, message), into);
        if (failure != null && large) {
            var checked = checked(json, message);
            failure = checked.equals(json) ? failure : merge(checked, into.clear());
        }
        if (failure != null) {
            throw ApiException.badField(
                    "request body",
                    failure instanceof InvalidProtocolBufferException
                            ? plain(failure.getMessage())
                            : "of another shape",
                    "the JSON of " + message.getName());
        }
    }

    /** @return why it does not fit; null when it does */
    private static Exception merge(String json, Message.Builder into) {
        try {
            PARSER.merge(json, into);
            return null;
        } catch (InvalidProtocolBufferException
                | IllegalArgumentException
                | IllegalStateException
                | ClassCastException
                | UnsupportedOperationException
                | ArithmeticException e) {
            return e;
        }
    }

    /** What a parser says, without the name of its exception and where to read on. */
    private static String plain(String message) {
        return message.lines().findFirst().orElse("broken").replaceFirst("^(?:[a-z]+\\.)+\\w+: ", "");
    }

    private static String checked(String json, Descriptor message) {
        JsonElement tree;
        try {
            tree = JsonParser.parseString(json);
        } catch (JsonParseException | NumberFormatException | StackOverflowError e) {
            // Which the parser of messages says better.
            return json;
        }
        return JsonShape.check(tree, message) ? tree.toString() : json;
    }
}
