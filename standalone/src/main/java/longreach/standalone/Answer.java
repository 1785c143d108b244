package longreach.standalone;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One streamed answer and what it cost.
 *
 * @param sources the passages that bear it out: "report.pdf, page 3", "talk.mp4, 00:42-00:53"; empty: none does
 * @param firstTokenMillis as the client saw it
 * @param usage usageMetadata of the last event
 * @param receipt longreachReceipt of the last event that had one
 */
record Answer(
        String text,
        List<String> sources,
        double firstTokenMillis,
        double totalMillis,
        JsonNode usage,
        JsonNode receipt) {

    int cachedTokens() {
        return usage.path("cachedContentTokenCount").asInt(0);
    }

    int promptTokens() {
        return usage.path("promptTokenCount").asInt(0);
    }

    int chunksReused() {
        return receipt.path("chunksRestored").asInt(0);
    }

    double tokensPerSecond() {
        return receipt.path("tokensPerSecond").asDouble(0);
    }

    /** For programs. */
    ObjectNode json(String question) {
        var out = GeminiClient.JSON.createObjectNode();
        out.put("question", question).put("answer", text);
        var places = out.putArray("sources");
        sources.forEach(places::add);
        out.put("firstTokenMs", Math.round(firstTokenMillis));
        out.set("usage", usage);
        out.set("receipt", receipt);
        return out;
    }

    /** One line: what the cache did. */
    String receiptLine() {
        String missed = receipt.path("missReason").asString("");
        return String.format(
                "first token %.0f ms, %d of %d prompt tokens from the cache (%d chunks), %.0f tokens/s%s",
                firstTokenMillis,
                cachedTokens(),
                promptTokens(),
                chunksReused(),
                tokensPerSecond(),
                missed.isEmpty() ? "" : "; missed: " + missed);
    }

    /** Puts the events of one stream together. */
    static final class Collector {
        private final long startedNanos;
        private final StringBuilder text = new StringBuilder();
        private final Set<String> sources = new LinkedHashSet<>();
        private long firstNanos;
        private JsonNode usage = GeminiClient.JSON.createObjectNode();
        private JsonNode receipt = GeminiClient.JSON.createObjectNode();

        Collector(long startedNanos) {
            this.startedNanos = startedNanos;
        }

        /** Returns the new text. */
        String add(JsonNode event) {
            var piece = new StringBuilder();
            JsonNode candidate = event.path("candidates").path(0);
            for (JsonNode part : candidate.path("content").path("parts")) {
                piece.append(part.path("text").asString(""));
            }
            if (!piece.isEmpty() && firstNanos == 0) {
                firstNanos = System.nanoTime();
            }
            text.append(piece);
            // Every passage that the model saw is a chunk; those that bear out a sentence are named in a support.
            JsonNode grounding = candidate.path("groundingMetadata");
            for (JsonNode support : grounding.path("groundingSupports")) {
                for (JsonNode index : support.path("groundingChunkIndices")) {
                    JsonNode chunk = grounding.path("groundingChunks").path(index.asInt());
                    sources.add(chunk.path("retrievedContext").path("title").asString(""));
                }
            }
            usage = event.has("usageMetadata") ? event.path("usageMetadata") : usage;
            receipt = event.has("longreachReceipt") ? event.path("longreachReceipt") : receipt;
            return piece.toString();
        }

        Answer finish() {
            long now = System.nanoTime();
            double first = ((firstNanos == 0 ? now : firstNanos) - startedNanos) / 1e6;
            return new Answer(text.toString(), List.copyOf(sources), first, (now - startedNanos) / 1e6, usage, receipt);
        }
    }
}
