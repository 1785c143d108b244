package longreach.gateway.models;

import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import longreach.gateway.error.ApiException;
import longreach.gateway.request.Requests;
import longreach.gemini.v1beta.ListModelsResponse;
import longreach.gemini.v1beta.Model;
import longreach.v1.DescribeEmbedderRequest;
import longreach.v1.EmbedderDescription;
import longreach.v1.EmbedderGrpc;
import longreach.v1.ListModelsRequest;
import longreach.v1.LmCoreGrpc;
import longreach.v1.ModelDescription;

/** The models that lm-core serves, as Gemini describes models. */
public final class Models {
    private static final long ASK_SECONDS = 10;
    private static final long FRESH_NANOS = Duration.ofSeconds(30).toNanos();
    private static final int DEFAULT_PAGE = 50;
    private static final int MAX_PAGE = 1000;
    private static final float MAX_TEMPERATURE = 2;

    private final Channel lmCore;
    private final ModelAliases aliases;
    private volatile Known known;
    /** It is part of lm-core, so what is known once stays. */
    private volatile Optional<EmbedderDescription> knownEmbedder;

    private record Known(List<ModelDescription> models, long atNanos) {}

    public Models(Channel lmCore, ModelAliases aliases) {
        this.lmCore = lmCore;
        this.aliases = aliases;
    }

    /** @throws ApiException UNAVAILABLE */
    public List<ModelDescription> all() {
        var last = known;
        if (last != null && System.nanoTime() - last.atNanos() < FRESH_NANOS) {
            return last.models();
        }
        return ask();
    }

    /** Asks lm-core now. @throws ApiException UNAVAILABLE */
    public List<ModelDescription> ask() {
        try {
            var models = LmCoreGrpc.newBlockingStub(lmCore)
                    .withDeadlineAfter(ASK_SECONDS, TimeUnit.SECONDS)
                    .listModels(ListModelsRequest.getDefaultInstance())
                    .getModelsList();
            known = new Known(models, System.nanoTime());
            return models;
        } catch (StatusRuntimeException e) {
            throw ApiException.from(e.getStatus(), "lm-core");
        }
    }

    /**
     * @param name a model's or an alias, with or without {@code models/}
     * @throws ApiException NOT_FOUND, naming the ones that exist
     */
    public ModelDescription find(String name) {
        var bare = Requests.modelName(name);
        var models = all();
        return named(bare, models)
                .or(() -> named(aliases.resolve(bare), models))
                .orElseThrow(() -> ApiException.notFound("models/" + bare + ": no such model (expected: "
                        + models.stream()
                                .map(model -> "models/" + model.getName())
                                .collect(Collectors.joining(", "))
                        + ")"));
    }

    private static Optional<ModelDescription> named(String bare, List<ModelDescription> models) {
        return models.stream().filter(model -> model.getName().equals(bare)).findFirst();
    }

    /**
     * The sentence encoder.
     *
     * @param name its own or an alias, with or without {@code models/}
     * @throws ApiException NOT_FOUND when that is another model, or none is served
     */
    public EmbedderDescription embedder(String name) {
        var bare = Requests.modelName(name);
        var embedder = embedder();
        return embedder.filter(each -> isNamed(each, bare))
                .orElseThrow(() -> ApiException.notFound("models/" + bare + ": embeds no content (expected: "
                        + embedder.map(each -> "models/" + each.getName()).orElse("none; no such model is served")
                        + ")"));
    }

    private Optional<EmbedderDescription> embedder() {
        var last = knownEmbedder;
        if (last == null) {
            try {
                last = Optional.of(EmbedderGrpc.newBlockingStub(lmCore)
                        .withDeadlineAfter(ASK_SECONDS, TimeUnit.SECONDS)
                        .describeEmbedder(DescribeEmbedderRequest.getDefaultInstance()));
            } catch (StatusRuntimeException e) {
                if (e.getStatus().getCode() != Status.Code.UNIMPLEMENTED) {
                    throw ApiException.from(e.getStatus(), "lm-core");
                }
                last = Optional.empty();
            }
            knownEmbedder = last;
        }
        return last;
    }

    private boolean isNamed(EmbedderDescription embedder, String bare) {
        return embedder.getName().equals(bare) || embedder.getName().equals(aliases.resolve(bare));
    }

    /** One model of any kind, as it is listed: under its own name. */
    public Model get(String name) {
        var bare = Requests.modelName(name);
        return embedder()
                .filter(each -> isNamed(each, bare))
                .map(Models::describe)
                .orElseGet(() -> describe(find(name)));
    }

    /** Every model of any kind. */
    public List<Model> listed() {
        var models = new ArrayList<Model>();
        all().forEach(model -> models.add(describe(model)));
        embedder().ifPresent(each -> models.add(describe(each)));
        return models;
    }

    private static Model describe(EmbedderDescription embedder) {
        return Model.newBuilder()
                .setName("models/" + embedder.getName())
                .setBaseModelId(embedder.getName())
                .setVersion("1")
                .setDisplayName(embedder.getDisplayName())
                .setDescription(embedder.getDescription())
                .setInputTokenLimit(embedder.getMaxTokens())
                .setOutputTokenLimit(1)
                .addSupportedGenerationMethods("embedContent")
                .addSupportedGenerationMethods("batchEmbedContents")
                .build();
    }

    /** @param pageToken the index of the first model, as text */
    public ListModelsResponse list(int pageSize, String pageToken) {
        if (pageSize < 0 || pageSize > MAX_PAGE) {
            throw ApiException.badField("pageSize", pageSize, "0 <= pageSize <= " + MAX_PAGE);
        }
        var models = listed();
        int from = pageToken.isEmpty() ? 0 : position(pageToken, models.size());
        int to = Math.min(models.size(), from + (pageSize == 0 ? DEFAULT_PAGE : pageSize));
        var page = ListModelsResponse.newBuilder();
        page.addAllModels(models.subList(from, to));
        if (to < models.size()) {
            page.setNextPageToken(Integer.toString(to));
        }
        return page.build();
    }

    private static int position(String token, int count) {
        try {
            int at = Integer.parseInt(token);
            if (at >= 0 && at <= count) {
                return at;
            }
        } catch (NumberFormatException e) {
            throw badToken(token);
        }
        throw badToken(token);
    }

    private static ApiException badToken(String token) {
        return ApiException.badField(
                "pageToken", token.length() > 20 ? "too long" : token, "nextPageToken of the page before");
    }

    private static Model describe(ModelDescription model) {
        var out = Model.newBuilder()
                .setName("models/" + model.getName())
                .setBaseModelId(model.getName())
                .setVersion(model.getPrecision().isEmpty() ? "1" : model.getPrecision())
                .setDisplayName(model.getDisplayName().isEmpty() ? model.getName() : model.getDisplayName())
                .setDescription(model.getDescription())
                .setInputTokenLimit(Math.max(model.getContextTokens(), model.getLongContextTokens()))
                .setOutputTokenLimit(model.getOutputTokens() == 0 ? model.getContextTokens() : model.getOutputTokens())
                .addSupportedGenerationMethods("generateContent")
                .addSupportedGenerationMethods("countTokens")
                .addSupportedGenerationMethods("createCachedContent")
                .setTemperature(model.getTemperature())
                .setMaxTemperature(MAX_TEMPERATURE);
        if (model.getTopP() > 0) {
            out.setTopP(model.getTopP());
        }
        if (model.getTopK() > 0) {
            out.setTopK(model.getTopK());
        }
        return out.build();
    }
}
