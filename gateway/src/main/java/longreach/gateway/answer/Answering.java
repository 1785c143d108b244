package longreach.gateway.answer;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import longreach.gateway.auth.AuditEntry;
import longreach.gateway.auth.Quotas;
import longreach.gateway.auth.Tenant;
import longreach.gateway.cache.CachedContents;
import longreach.gateway.call.Caller;
import longreach.gateway.call.DuplexCall;
import longreach.gateway.error.ApiException;
import longreach.gateway.media.Pictures;
import longreach.gateway.media.Pictures.Picture;
import longreach.gateway.models.Models;
import longreach.gateway.plan.MediaParts;
import longreach.gateway.plan.Plan;
import longreach.gateway.plan.Planner;
import longreach.gateway.request.GenerateRequest;
import longreach.gateway.request.Requests;
import longreach.gemini.v1beta.CountTokensRequest;
import longreach.gemini.v1beta.CountTokensResponse;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.v1.CacheUse;
import longreach.v1.CachedPrompt;
import longreach.v1.EncodedMedia;
import longreach.v1.GenerateDown;
import longreach.v1.GenerateUp;
import longreach.v1.LmCoreGrpc;
import longreach.v1.ModelDescription;
import longreach.v1.Open;
import longreach.v1.Thinking;
import longreach.v1.Usage;

/**
 * The one implementation behind both surfaces. Works on the calling thread and inside its gRPC context: when that is
 * cancelled or its deadline passes, so is every call made here.
 */
public final class Answering {
    private final Requests requests;
    private final Models models;
    private final MediaParts media;
    private final Pictures pictures;
    private final CachedContents cached;
    private final Planner planner;
    private final Quotas quotas;
    private final Channel lmCore;
    private final Duration limit;

    /** @param limit longest that an answer may take where the caller set no nearer deadline */
    public Answering(
            Requests requests,
            Models models,
            MediaParts media,
            Pictures pictures,
            CachedContents cached,
            Planner planner,
            Quotas quotas,
            Channel lmCore,
            Duration limit) {
        this.requests = requests;
        this.models = models;
        this.media = media;
        this.pictures = pictures;
        this.cached = cached;
        this.planner = planner;
        this.quotas = quotas;
        this.lmCore = lmCore;
        this.limit = limit;
    }

    /** The whole answer at once. */
    public GenerateContentResponse answer(GenerateContentRequest proto, Tenant tenant, Caller caller) {
        var last = new GenerateContentResponse[1];
        interruptibly(() -> {
            generate(asked(proto, tenant), CacheUse.READ_WRITE, tenant, new Whole(last, caller), true);
            return null;
        });
        return last[0];
    }

    /** The answer as it comes. */
    public void stream(GenerateContentRequest proto, Tenant tenant, AnswerSink sink) {
        interruptibly(() -> {
            generate(asked(proto, tenant), CacheUse.READ_WRITE, tenant, sink, false);
            return null;
        });
    }

    /**
     * The answer to a conversation's next turn, as it comes.
     *
     * @param before the conversation so far; empty: none, and the request may name a cached content
     * @param keep whether the store may hold on to anything of it
     */
    public void goOn(
            GenerateContentRequest proto, Optional<CachedPrompt> before, boolean keep, Tenant tenant, AnswerSink sink) {
        interruptibly(() -> {
            var asked = before.isPresent() ? new Asked(requests.parse(proto), before) : asked(proto, tenant);
            generate(asked, keep ? CacheUse.READ_WRITE : CacheUse.READ_ONLY, tenant, sink, false);
            return null;
        });
    }

    /** Keeps the only piece. */
    private record Whole(GenerateContentResponse[] last, Caller caller) implements AnswerSink {
        @Override
        public void accept(GenerateContentResponse piece) {
            last[0] = piece;
        }

        @Override
        public void checkStillThere() {
            caller.checkStillThere();
        }
    }

    /** Lays the request out exactly as answering it would. */
    public CountTokensResponse count(CountTokensRequest proto, Tenant tenant, Caller caller) {
        return interruptibly(() -> {
            var plan = lay(asked(Requests.whole(proto), tenant), tenant, caller).plan();
            return CountTokensResponse.newBuilder()
                    .setTotalTokens(plan.totalTokens())
                    .addAllPromptTokensDetails(AnswerBuilder.details(plan.tokensByModality()))
                    .setCachedContentTokenCount(plan.cachedTokens().values().stream()
                            .mapToInt(Integer::intValue)
                            .sum())
                    .addAllCacheTokensDetails(AnswerBuilder.details(plan.cachedTokens()))
                    .build();
        });
    }

    /** What the encoders make of some bytes, without asking a model about them. */
    public EncodedMedia read(ByteString bytes, String mimeType, String fileName, Tenant tenant, Caller caller) {
        return interruptibly(() -> media.read(bytes, mimeType, fileName, tenant, caller));
    }

    private void generate(Asked asked, CacheUse cache, Tenant tenant, AnswerSink sink, boolean whole)
            throws InterruptedException, IOException {
        var request = asked.request();
        var laid = lay(asked, tenant, sink);
        var plan = laid.plan();
        quotas.tokens(tenant, plan.totalTokens());
        sink.planned(plan);
        var id = UUID.randomUUID().toString();
        var open = open(request, plan, tenant).setCache(cache);
        if (request.candidates() == 1) {
            candidate(open.build(), laid, builder(request, plan, id), tenant, sink, whole);
            return;
        }
        // One after the other: all but the first find the whole prompt computed.
        var candidates = new Candidates(sink, whole);
        for (int i = 0; i < request.candidates(); i++) {
            candidates.next(i);
            open.setSampling(request.sampling().over(plan.model(), i));
            candidate(open.build(), laid, builder(request, plan, id), tenant, candidates, whole);
        }
        candidates.end();
    }

    private static AnswerBuilder builder(GenerateRequest request, Plan plan, String id) {
        return new AnswerBuilder(plan, id, request.form().includeThoughts());
    }

    private void candidate(Open open, Laid laid, AnswerBuilder answer, Tenant tenant, AnswerSink sink, boolean whole)
            throws InterruptedException, IOException {
        try (var call = DuplexCall.<GenerateUp, GenerateDown>open(
                "lm-core",
                // A token is little to take in: no thread of its own for each.
                down -> LmCoreGrpc.newStub(lmCore)
                        .withExecutor(Runnable::run)
                        .withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS)
                        .generate(down))) {
            call.write(GenerateUp.newBuilder().setOpen(open).build());
            for (var down = call.read(sink); down != null; down = call.read(sink)) {
                switch (down.getKindCase()) {
                    case WANT ->
                        pictures.send(down.getWant(), laid.plan().segments(), laid.seen(), tenant.name(), call, sink);
                    case TOKENS -> {
                        var piece = answer.piece(down.getTokens());
                        if (!whole && piece.getCandidates(0).getContent().getPartsCount() > 0) {
                            sink.accept(piece);
                        }
                    }
                    case DONE -> {
                        count(laid.plan(), tenant, down.getDone().getUsage());
                        sink.accept(answer.last(down.getDone(), whole));
                        return;
                    }
                    case PREFILL, KIND_NOT_SET -> {}
                }
            }
            throw ApiException.unavailable("lm-core ended the answer early", null);
        }
    }

    private void count(Plan plan, Tenant tenant, Usage usage) {
        quotas.answered(tenant, usage.getOutputTokens());
        AuditEntry.current()
                .tokens(
                        plan.model().getName(),
                        usage.getPromptTokens(),
                        usage.getCachedTokens(),
                        usage.getOutputTokens());
    }

    private Open.Builder open(GenerateRequest request, Plan plan, Tenant tenant) {
        // What is seen of a prompt that is not seen whole is lm-core's to say, and so where its answer ends.
        boolean whole = plan.totalTokens() < plan.model().getContextTokens() && !request.choosesBlocks();
        int room = plan.model().getContextTokens() - (whole ? plan.totalTokens() : 0);
        int most =
                plan.model().getOutputTokens() > 0 ? Math.min(room, plan.model().getOutputTokens()) : room;
        var open = Open.newBuilder()
                .setModel(plan.model().getName())
                .setTenant(tenant.name())
                .addAllSegments(plan.segments())
                .setSampling(request.sampling().over(plan.model(), 0))
                .setMaxTokens(Math.min(most, request.maxOutputTokens().orElse(most)))
                .setContext(request.context());
        var form = request.form();
        if (form.constraint() != null) {
            open.setConstraint(form.constraint());
        }
        if (form.tools().use() != null) {
            open.setTools(form.tools().use());
        }
        if (form.thinkingBudget() >= 0) {
            open.setThinking(Thinking.newBuilder().setBudget(form.thinkingBudget()));
        }
        return open;
    }

    /** @param prefix the cached prompt that the request goes on from */
    private record Asked(GenerateRequest request, Optional<CachedPrompt> prefix) {}

    private Asked asked(GenerateContentRequest proto, Tenant tenant) {
        var request = requests.parse(proto);
        if (request.cachedContent().isEmpty()) {
            return new Asked(request, Optional.empty());
        }
        var model = models.find(request.model()).getName();
        var prefix = cached.prompt(tenant, request.cachedContent().get(), model);
        return new Asked(requests.parse(proto, CachedContents.functions(prefix)), Optional.of(prefix));
    }

    /** @param seen pictures whose soft tokens lm-core may want */
    private record Laid(Plan plan, List<Picture> seen) {}

    private Laid lay(Asked asked, Tenant tenant, Caller caller) throws InterruptedException, IOException {
        ModelDescription model = models.find(asked.request().model());
        var parts = media.read(asked.request(), model, tenant, caller);
        return new Laid(planner.plan(parts.request(), model, parts.media(), asked.prefix()), parts.pictures());
    }

    private interface Work<T> {
        T run() throws InterruptedException, IOException;
    }

    private static <T> T interruptibly(Work<T> work) {
        try {
            return work.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ApiException.cancelled("the request was stopped");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
