package longreach.lm.openai;

import java.net.URI;
import java.time.Duration;

/**
 * Where the other server is, and what it can do.
 *
 * @param baseUrl with the version: {@code http://127.0.0.1:8000/v1}
 * @param model its name there, and here
 * @param apiKey sent as a bearer token; empty: none
 * @param contextTokens where the server does not tell
 * @param schema how it takes JSON schemas
 * @param idle longest silence of an answer that has begun, and longest wait for its beginning
 */
public record OpenAiSettings(
        URI baseUrl, String model, String apiKey, int contextTokens, SchemaStyle schema, Duration idle) {
    /** The field of a request that a schema goes into. */
    public enum SchemaStyle {
        /** {@code response_format.json_schema.schema}: OpenAI's, vLLM's and llama-server's way. */
        JSON_SCHEMA,
        /** {@code response_format.schema}: llama-cpp-python's way. */
        JSON_OBJECT
    }

    public OpenAiSettings {
        boolean http = "http".equals(baseUrl.getScheme()) || "https".equals(baseUrl.getScheme());
        if (!http || baseUrl.getHost() == null) {
            throw new IllegalArgumentException(
                    "lm-core.openai.base-url: " + baseUrl + " (expected: http://HOST:PORT/v1 or https://...)");
        }
        if (model.isBlank()) {
            throw new IllegalArgumentException("lm-core.openai.model: empty (expected: the model's name)");
        }
        if (contextTokens < 1) {
            throw new IllegalArgumentException(
                    "lm-core.openai.context-tokens: " + contextTokens + " (expected: 1 or more)");
        }
    }

    URI at(String path) {
        String base = baseUrl.toString();
        return URI.create((base.endsWith("/") ? base.substring(0, base.length() - 1) : base) + path);
    }

    /** Without the version. */
    URI beside(String path) {
        return at("").resolve(path);
    }

    @Override
    public String toString() {
        return "OpenAiSettings[" + baseUrl + ", " + model + "]";
    }
}
