package longreach.gateway.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import longreach.gateway.error.ApiException;
import longreach.gateway.request.Fields;
import longreach.v1.Embedding;

/** @param dimensions 0: all @param base64 whether vectors are written as little-endian floats in base64 */
public record EmbeddingRequest(String model, List<String> texts, int dimensions, boolean base64) {

    /** @throws ApiException INVALID_ARGUMENT */
    public static EmbeddingRequest parse(JsonObject body) {
        var fields = new Fields(body, "");
        var model = fields.text("model")
                .filter(name -> !name.isBlank())
                .orElseThrow(() -> ApiException.badField("model", "empty", "a model's name, as GET models lists them"));
        var texts = new ArrayList<String>();
        if (fields.any("input") instanceof JsonPrimitive one && one.isString()) {
            texts.add(one.getAsString());
        } else {
            for (JsonElement each : fields.list("input").orElseThrow()) {
                if (!(each instanceof JsonPrimitive text && text.isString())) {
                    throw ApiException.badField("input", "token ids", "texts; tokens are the model's own");
                }
                texts.add(text.getAsString());
            }
        }
        var format = fields.text("encoding_format").orElse("float");
        if (!format.equals("float") && !format.equals("base64")) {
            throw ApiException.badField("encoding_format", "another", "float or base64");
        }
        int dimensions = fields.integer("dimensions").orElse(0);
        if (fields.has("dimensions") && dimensions < 1) {
            throw ApiException.badField("dimensions", dimensions, "dimensions >= 1");
        }
        return new EmbeddingRequest(model, List.copyOf(texts), dimensions, format.equals("base64"));
    }

    public JsonObject answer(List<Embedding> embeddings) {
        var data = new JsonArray();
        int tokens = 0;
        for (int i = 0; i < embeddings.size(); i++) {
            var item = new JsonObject();
            item.addProperty("object", "embedding");
            item.addProperty("index", i);
            item.add("embedding", vector(embeddings.get(i)));
            data.add(item);
            tokens += embeddings.get(i).getTokens();
        }
        var usage = new JsonObject();
        usage.addProperty("prompt_tokens", tokens);
        usage.addProperty("total_tokens", tokens);
        var out = new JsonObject();
        out.addProperty("object", "list");
        out.add("data", data);
        out.addProperty("model", model);
        out.add("usage", usage);
        return out;
    }

    private JsonElement vector(Embedding embedding) {
        if (base64) {
            var bytes = ByteBuffer.allocate(4 * embedding.getValuesCount()).order(ByteOrder.LITTLE_ENDIAN);
            embedding.getValuesList().forEach(bytes::putFloat);
            return new JsonPrimitive(Base64.getEncoder().encodeToString(bytes.array()));
        }
        var values = new JsonArray();
        embedding.getValuesList().forEach(values::add);
        return values;
    }
}
