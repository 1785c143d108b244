package longreach.gateway.interaction;

import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import io.grpc.Context;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import longreach.gateway.answer.Answering;
import longreach.gateway.auth.AuditEntry;
import longreach.gateway.auth.Tenant;
import longreach.gateway.cache.CachedContents;
import longreach.gateway.cache.ContextStoreClient;
import longreach.gateway.cache.Prefill;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import longreach.gateway.models.Models;
import longreach.gateway.plan.Earlier;
import longreach.gateway.plan.Planner;
import longreach.gateway.request.Requests;
import longreach.gemini.v1beta.CachedContent;
import longreach.gemini.v1beta.FunctionCallingConfig;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.Tool;
import longreach.v1.CachedPrompt;
import longreach.v1.StoredInteraction;
import longreach.v1.StoredInteraction.Status;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The interactions of all tenants. Each is kept in the context store, so every gateway on it can tell of one, go on from
 * it, and take its stream up where it broke off; the one that works on it shares what there is about once a second.
 */
public final class Interactions implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Interactions.class);
    private static final int MAX_LIVE = 2000;
    private static final int MAX_CONVERSATION = 1000;
    /** A server that has shown no sign of life of its work for so long is gone. */
    private static final long LOST_SECONDS = 60;

    private static final long POLL_MILLIS = 300;
    private static final long STOP_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Requests requests;
    private final Models models;
    private final CachedContents cached;
    private final Answering answering;
    private final InteractionRecords records;
    private final AnswerKeeper keeper;
    private final Clock clock;
    private final Map<String, LiveInteraction> live = new ConcurrentHashMap<>();

    /** @param life how long an interaction is kept */
    public Interactions(
            Requests requests,
            Models models,
            CachedContents cached,
            Planner planner,
            Answering answering,
            Prefill prefill,
            ContextStoreClient store,
            Duration life,
            Clock clock) {
        this.requests = requests;
        this.models = models;
        this.cached = cached;
        this.answering = answering;
        this.records = new InteractionRecords(store, life, clock);
        this.keeper = new AnswerKeeper(requests, models, planner, prefill, records);
        this.clock = clock;
    }

    /** Where the events of a stream go, from one thread. */
    public interface EventSink extends Caller {
        void accept(JsonObject event);
    }

    /**
     * All that is needed to work on it.
     *
     * @param base what it goes on from
     * @param cachedContent whether that is a cached content, so that the first step of the conversation holds it
     */
    private record Work(
            LiveInteraction live,
            Tenant tenant,
            GenerateContentRequest proto,
            Optional<CachedPrompt> base,
            boolean cachedContent,
            ByteString functions,
            boolean keep) {}

    /**
     * Answers, or, in the background, begins to.
     *
     * @return the interaction, whole or in progress
     */
    public JsonObject create(InteractionRequest request, Tenant tenant, Caller caller) {
        if (request.background()) {
            var work = begin(request, tenant, true, Caller.PATIENT);
            start(work);
            return InteractionJson.whole(work.live().snapshot(), false);
        }
        var work = begin(request, tenant, false, caller);
        answering.goOn(work.proto(), work.base(), work.keep(), work.tenant(), work.live());
        finish(work);
        return InteractionJson.whole(work.live().snapshot(), false);
    }

    /** Answers event by event. One that is kept goes on when its reader leaves. */
    public void stream(InteractionRequest request, Tenant tenant, EventSink sink) throws InterruptedException {
        var work = begin(request, tenant, request.store(), Caller.PATIENT);
        start(work);
        try {
            if (!request.background()) {
                awaitPlanned(work, sink);
            }
            tell(work.live(), EventPosition.NOTHING, sink);
        } finally {
            if (!request.store()) {
                work.live().stop(true);
            }
        }
    }

    /** What ends before its first event leaves nothing behind: nobody knows its id. */
    private void awaitPlanned(Work work, Caller reader) throws InterruptedException {
        try {
            work.live().awaitPlanned(reader);
        } catch (RuntimeException e) {
            work.live().stop(true);
            if (work.keep()) {
                try {
                    records.delete(work.tenant(), work.live().snapshot().getId());
                } catch (ApiException unreachable) {
                    LOG.debug("a failed interaction is left to expire: {}", unreachable.getMessage());
                }
            }
            throw e;
        }
    }

    private Work begin(InteractionRequest request, Tenant tenant, boolean shares, Caller caller) {
        models.find(request.model());
        var previous = request.previous().map(id -> previous(tenant, id, request.model()));
        var base = previous.map(last -> records.conversation(tenant, last));
        var name = request.proto().getCachedContent();
        if (!name.isEmpty()) {
            base = Optional.of(
                    cached.prompt(tenant, name, models.find(request.model()).getName()));
        }
        var proto = request.proto().toBuilder().clearCachedContent();
        proto.addAllContents(InteractionInput.turns(request.input(), base.orElse(CachedPrompt.getDefaultInstance())));
        if (!name.isEmpty() && (proto.hasSystemInstruction() || proto.getToolsCount() > 0)) {
            throw ApiException.invalid("cached_content: set beside system_instruction or tools (expected: those values"
                    + " in the cached content)");
        }
        inherit(base, !name.isEmpty(), proto);
        if (proto.hasSystemInstruction()) {
            base = base.map(before -> before.toBuilder().clearSystem().build());
        }
        var whole = proto.build();
        requests.parse(whole);
        var told = StoredInteraction.newBuilder()
                .setId(records.newId())
                .setModel(request.model())
                .setStatus(Status.IN_PROGRESS)
                .setCreated(records.now())
                .setUpdated(records.now())
                .setExpires(records.expiry())
                .setRequest(request.told().toString());
        previous.ifPresent(last -> told.addAllBefore(last.getBeforeList()).addBefore(last.getId()));
        var functions = CachedContent.newBuilder()
                .addAllTools(whole.getToolsList())
                .build()
                .toByteString();
        return new Work(
                new LiveInteraction(tenant, told.build(), records, shares, caller),
                tenant,
                whole,
                base,
                !name.isEmpty(),
                functions,
                request.store());
    }

    /**
     * The functions that the model was told of stand in the prompt, and without them its keys and values would not be
     * found again. Unless the request says that it wants them, none may be called.
     */
    private static void inherit(Optional<CachedPrompt> base, boolean content, GenerateContentRequest.Builder proto) {
        if (base.isEmpty() || proto.getToolsCount() > 0) {
            return;
        }
        var before = CachedContents.functions(base.get());
        List<Tool> tools = before.getToolsList();
        if (tools.isEmpty()) {
            return;
        }
        proto.addAllTools(tools);
        if (proto.hasToolConfig()) {
            return;
        }
        if (content) {
            if (before.hasToolConfig()) {
                proto.setToolConfig(before.getToolConfig());
            }
            return;
        }
        proto.getToolConfigBuilder().getFunctionCallingConfigBuilder().setMode(FunctionCallingConfig.Mode.NONE);
    }

    private StoredInteraction previous(Tenant tenant, String id, String model) {
        var last = find(tenant, id, "previous_interaction_id");
        switch (last.getStatus()) {
            case COMPLETED, REQUIRES_ACTION, INCOMPLETE -> {}
            case IN_PROGRESS, FAILED, CANCELLED, STATUS_UNSPECIFIED, UNRECOGNIZED ->
                throw ApiException.failedPrecondition("previous_interaction_id: " + id + " is "
                        + InteractionJson.status(last.getStatus())
                        + " (expected: one that is completed, incomplete or requires_action)");
        }
        if (last.getBeforeCount() >= MAX_CONVERSATION) {
            throw ApiException.badField(
                    "previous_interaction_id",
                    last.getBeforeCount() + 1 + " interactions in a row",
                    "at most " + MAX_CONVERSATION);
        }
        return last;
    }

    private void start(Work work) {
        if (live.size() >= MAX_LIVE) {
            throw ApiException.tooLarge(
                    "interactions: " + MAX_LIVE + " are in progress here (expected: fewer; come again later)");
        }
        var begun = work.live().snapshot();
        if (work.keep()) {
            records.put(work.tenant(), begun);
        }
        var key = key(work.tenant(), begun.getId());
        live.put(key, work.live());
        var audit = new AuditEntry(null, "interaction " + begun.getId());
        audit.tenant(work.tenant());
        // Neither the caller's leaving nor its deadline ends it.
        var context = audit.within(Context.current().fork());
        Thread.ofVirtual().name("interaction").start(context.wrap(() -> {
            try {
                answer(work);
            } finally {
                live.remove(key);
                audit.end(InteractionJson.status(work.live().snapshot().getStatus()));
            }
        }));
    }

    private void answer(Work work) {
        var live = work.live();
        try {
            answering.goOn(work.proto(), work.base(), work.keep(), work.tenant(), live);
            finish(work);
        } catch (Throwable e) {
            // An Error too: whoever waits for the outcome must be told of it.
            if (live.stopped()) {
                live.end(Status.CANCELLED);
            } else {
                live.fail(e);
            }
            keepFailure(work);
        }
        if (live.forgotten() && work.keep()) {
            records.delete(work.tenant(), live.snapshot().getId());
        }
    }

    /** Kept first and told then, so that whoever knows of its end can go on from it. */
    private void finish(Work work) {
        var status = work.live().outcome();
        if (work.keep() && !work.live().forgotten()) {
            keep(work, status);
        }
        work.live().end(status);
    }

    private void keep(Work work, Status status) {
        var live = work.live();
        var told = live.snapshot().toBuilder()
                .setStatus(status)
                .setUpdated(records.now())
                .setExpires(records.expiry())
                .build();
        var step = live.plan().step(live.steps().turn(), work.functions());
        if (work.cachedContent()) {
            step = Earlier.join(List.of(work.base().orElseThrow(), step));
        }
        records.putStep(work.tenant(), told.getId(), step);
        records.put(work.tenant(), told);
        var conversation = work.cachedContent() || work.base().isEmpty()
                ? step
                : Earlier.join(List.of(work.base().get(), step));
        keeper.keep(work.tenant(), told.getId(), work.proto(), conversation);
    }

    private void keepFailure(Work work) {
        var told = work.live().snapshot();
        if (work.live().forgotten() || !work.keep()) {
            return;
        }
        try {
            records.put(work.tenant(), told);
        } catch (ApiException e) {
            LOG.warn("the end of an interaction could not be kept: {}", e.getMessage());
        }
    }

    /** @throws ApiException NOT_FOUND */
    public JsonObject get(Tenant tenant, String id, boolean withInput) {
        return InteractionJson.whole(find(tenant, id, "id"), withInput);
    }

    private StoredInteraction find(Tenant tenant, String id, String field) {
        InteractionRecords.checkId(id, field);
        var here = live.get(key(tenant, id));
        // One that is being forgotten is gone for all who ask, though its thread may still be ending.
        boolean forgotten = here != null && here.forgotten();
        if (here != null && here.shares() && !forgotten) {
            return here.snapshot();
        }
        var found = (forgotten ? Optional.<StoredInteraction>empty() : records.find(tenant, id))
                .orElseThrow(() -> ApiException.notFound(
                        field + ": " + id + ": no such interaction (expected: one that was stored, and not deleted)"));
        return lost(found)
                ? found.toBuilder()
                        .setStatus(Status.FAILED)
                        .setErrorCode("UNAVAILABLE")
                        .setErrorMessage("the server that worked on it is gone")
                        .build()
                : found;
    }

    private boolean lost(StoredInteraction interaction) {
        return interaction.getStatus() == Status.IN_PROGRESS
                && clock.instant().getEpochSecond() - interaction.getUpdated().getSeconds() > LOST_SECONDS;
    }

    /** @param lastEvent the id of the last event that the reader had; empty: all events */
    public void resume(Tenant tenant, String id, String lastEvent, EventSink sink) throws InterruptedException {
        var from = lastEvent.isEmpty() ? EventPosition.NOTHING : EventPosition.of(lastEvent);
        find(tenant, id, "id");
        var here = live.get(key(tenant, id));
        if (here != null) {
            tell(here, from, sink);
            return;
        }
        var at = from;
        while (true) {
            var now = find(tenant, id, "id");
            at = tell(now, at, sink);
            if (Events.ended(now)) {
                return;
            }
            sink.checkStillThere();
            Thread.sleep(POLL_MILLIS);
        }
    }

    private static void tell(LiveInteraction live, EventPosition from, EventSink sink) throws InterruptedException {
        var at = from;
        while (true) {
            long version = live.version();
            var now = live.snapshot();
            at = tell(now, at, sink);
            if (Events.ended(now)) {
                return;
            }
            live.awaitChange(version, sink);
        }
    }

    private static EventPosition tell(StoredInteraction now, EventPosition from, EventSink sink) {
        var batch = Events.after(from, now);
        batch.events().forEach(sink::accept);
        return batch.at();
    }

    /** Stops the work on it, wherever that is done; one that has ended stays as it is. */
    public JsonObject cancel(Tenant tenant, String id) throws InterruptedException {
        find(tenant, id, "id");
        stop(tenant, id, false);
        return get(tenant, id, false);
    }

    private void stop(Tenant tenant, String id, boolean forget) throws InterruptedException {
        long until = System.nanoTime() + STOP_NANOS;
        var here = live.get(key(tenant, id));
        if (here != null) {
            here.stop(forget);
            while (!here.over() && System.nanoTime() < until) {
                here.awaitChange(here.version(), Caller.PATIENT);
            }
            return;
        }
        boolean asked = false;
        while (System.nanoTime() < until) {
            var now = records.find(tenant, id);
            if (now.isEmpty() || Events.ended(now.get()) || lost(now.get())) {
                return;
            }
            if (!asked) {
                records.askToStop(tenant, id, forget);
                asked = true;
            }
            Thread.sleep(POLL_MILLIS);
        }
    }

    /** @throws ApiException NOT_FOUND */
    public void delete(Tenant tenant, String id) throws InterruptedException {
        find(tenant, id, "id");
        stop(tenant, id, true);
        records.delete(tenant, id);
    }

    /** Stops everything of a tenant whose records are about to be erased. */
    public void forget(Tenant tenant) throws InterruptedException {
        for (var each : live.entrySet()) {
            if (each.getKey().startsWith(tenant.name() + "/")) {
                stop(tenant, each.getKey().substring(tenant.name().length() + 1), true);
            }
        }
    }

    private static String key(Tenant tenant, String id) {
        return tenant.name() + "/" + id;
    }

    @Override
    public void close() {
        keeper.close();
        live.values().forEach(each -> each.stop(false));
    }
}
