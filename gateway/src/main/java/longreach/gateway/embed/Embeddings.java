package longreach.gateway.embed;

import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import longreach.gateway.auth.AuditEntry;
import longreach.gateway.auth.Quotas;
import longreach.gateway.auth.Tenant;
import longreach.gateway.error.ApiException;
import longreach.gateway.models.Models;
import longreach.gateway.request.Requests;
import longreach.gemini.v1beta.BatchEmbedContentsRequest;
import longreach.gemini.v1beta.BatchEmbedContentsResponse;
import longreach.gemini.v1beta.ContentEmbedding;
import longreach.gemini.v1beta.EmbedContentRequest;
import longreach.gemini.v1beta.EmbedContentResponse;
import longreach.gemini.v1beta.Part;
import longreach.gemini.v1beta.TaskType;
import longreach.v1.EmbedRequest;
import longreach.v1.EmbedderGrpc;
import longreach.v1.Embedding;

/** {@code embedContent} and its batch, for both surfaces. */
public final class Embeddings {
    private static final int MAX_BATCH = 100;
    /** OpenAI's clients send up to so many at once. */
    private static final int MAX_TEXTS = 1000;

    private static final Duration LIMIT = Duration.ofMinutes(5);

    private final Models models;
    private final Quotas quotas;
    private final Channel lmCore;

    public Embeddings(Models models, Quotas quotas, Channel lmCore) {
        this.models = models;
        this.quotas = quotas;
        this.lmCore = lmCore;
    }

    public EmbedContentResponse embed(EmbedContentRequest request, Tenant tenant) {
        int dimensions = check(request, request.getModel(), "");
        return EmbedContentResponse.newBuilder()
                .setEmbedding(content(
                        embed(List.of(text(request, "")), request.getModel(), tenant)
                                .getFirst(),
                        dimensions))
                .build();
    }

    public BatchEmbedContentsResponse embed(BatchEmbedContentsRequest batch, Tenant tenant) {
        if (batch.getRequestsCount() == 0 || batch.getRequestsCount() > MAX_BATCH) {
            throw ApiException.badField("requests", batch.getRequestsCount() + " of them", "1 to " + MAX_BATCH);
        }
        var texts = new ArrayList<String>();
        var dimensions = new ArrayList<Integer>();
        for (int i = 0; i < batch.getRequestsCount(); i++) {
            var request = batch.getRequests(i);
            var path = "requests[" + i + "].";
            if (!request.getModel().isEmpty()
                    && !Requests.modelName(request.getModel()).equals(Requests.modelName(batch.getModel()))) {
                throw ApiException.badField(path + "model", request.getModel(), "the model of the batch");
            }
            dimensions.add(check(request, batch.getModel(), path));
            texts.add(text(request, path));
        }
        var response = BatchEmbedContentsResponse.newBuilder();
        var embedded = embed(texts, batch.getModel(), tenant);
        for (int i = 0; i < embedded.size(); i++) {
            response.addEmbeddings(content(embedded.get(i), dimensions.get(i)));
        }
        return response.build();
    }

    /**
     * Plain texts.
     *
     * @param dimensions 0: all that the model has
     */
    public List<Embedding> embed(String model, List<String> texts, int dimensions, Tenant tenant) {
        if (texts.isEmpty() || texts.size() > MAX_TEXTS) {
            throw ApiException.badField("input", texts.size() + " texts", "1 to " + MAX_TEXTS);
        }
        int kept = dimensions(model, dimensions, "dimensions");
        return embed(texts, model, tenant).stream().map(each -> cut(each, kept)).toList();
    }

    private int check(EmbedContentRequest request, String model, String path) {
        if (request.hasOutputDimensionality() && request.getOutputDimensionality() < 1) {
            throw ApiException.badField(
                    path + "outputDimensionality", request.getOutputDimensionality(), "outputDimensionality >= 1");
        }
        return dimensions(model, request.getOutputDimensionality(), path + "outputDimensionality");
    }

    private int dimensions(String model, int wanted, String path) {
        int most = models.embedder(model).getDimensions();
        if (wanted < 0 || wanted > most) {
            throw ApiException.badField(path, wanted, "at most " + most);
        }
        return wanted == 0 ? most : wanted;
    }

    private static String text(EmbedContentRequest request, String path) {
        var parts = request.getContent().getPartsList();
        if (parts.isEmpty()) {
            throw ApiException.badField(path + "content.parts", "empty", "at least one text");
        }
        for (int i = 0; i < parts.size(); i++) {
            if (parts.get(i).getDataCase() != Part.DataCase.TEXT) {
                throw ApiException.badField(
                        path + "content.parts[" + i + "]", parts.get(i).getDataCase(), "text");
            }
        }
        var text = parts.stream().map(Part::getText).collect(Collectors.joining("\n"));
        // The model knows one task; a title is part of what a document says.
        return request.getTaskType() == TaskType.RETRIEVAL_DOCUMENT
                        && !request.getTitle().isEmpty()
                ? request.getTitle() + "\n" + text
                : text;
    }

    private List<Embedding> embed(List<String> texts, String model, Tenant tenant) {
        // Their number is known afterwards; a tenant that is in debt is refused before.
        quotas.tokens(tenant, texts.size());
        var embedded = ask(texts);
        int tokens = embedded.stream().mapToInt(Embedding::getTokens).sum();
        quotas.answered(tenant, Math.max(0, tokens - texts.size()));
        AuditEntry.current().tokens(Requests.modelName(model), tokens, 0, 0);
        return embedded;
    }

    private List<Embedding> ask(List<String> texts) {
        try {
            return EmbedderGrpc.newBlockingStub(lmCore)
                    .withDeadlineAfter(LIMIT.toMillis(), TimeUnit.MILLISECONDS)
                    .embed(EmbedRequest.newBuilder().addAllTexts(texts).build())
                    .getEmbeddingsList();
        } catch (StatusRuntimeException e) {
            throw ApiException.from(e.getStatus(), "lm-core");
        }
    }

    private static ContentEmbedding content(Embedding embedding, int dimensions) {
        return ContentEmbedding.newBuilder()
                .addAllValues(cut(embedding, dimensions).getValuesList())
                .build();
    }

    /** The first so many values, brought to length 1 again. */
    private static Embedding cut(Embedding embedding, int dimensions) {
        if (dimensions == embedding.getValuesCount()) {
            return embedding;
        }
        var kept = embedding.getValuesList().subList(0, dimensions);
        double square =
                kept.stream().mapToDouble(value -> (double) value * value).sum();
        var out = Embedding.newBuilder().setTokens(embedding.getTokens());
        kept.forEach(value -> out.addValues(square == 0 ? 0 : (float) (value / Math.sqrt(square))));
        return out.build();
    }
}
