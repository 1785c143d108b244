package longreach.gateway.cache;

import com.google.protobuf.ByteString;
import com.google.protobuf.FieldMask;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Timestamps;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.regex.Pattern;
import longreach.gateway.auth.Quotas;
import longreach.gateway.auth.Tenant;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import longreach.gateway.media.Pictures;
import longreach.gateway.models.Models;
import longreach.gateway.plan.MediaParts;
import longreach.gateway.plan.Planner;
import longreach.gateway.request.Requests;
import longreach.gemini.v1beta.CachedContent;
import longreach.gemini.v1beta.CachedContent.UsageMetadata;
import longreach.gemini.v1beta.ListCachedContentsResponse;
import longreach.gemini.v1beta.LongreachProgress;
import longreach.v1.CachedChunks;
import longreach.v1.CachedPrompt;
import longreach.v1.IngestJob;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cached contents of all tenants. Each is three records in the context store, with one time to live: what is told
 * of it, the prompt, and the keys of the chunks that hold its keys and values. So every gateway on the store sees it, and
 * so does one that was started anew.
 */
public final class CachedContents {
    static final String PREFIX = "cachedContents/";

    private static final Logger LOG = LoggerFactory.getLogger(CachedContents.class);
    private static final Pattern NAME = Pattern.compile("cachedContents/([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)");
    private static final String TOLD = "context";
    private static final String PROMPT = "context-prompt";
    private static final String CHUNKS = "context-chunks";
    private static final String ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
    private static final int ID_LENGTH = 20;
    private static final Duration MAX_LIFE = Duration.ofDays(3653);
    private static final int MAX_DISPLAY_NAME = 128;
    private static final int DEFAULT_PAGE = 50;
    private static final int MAX_PAGE = 1000;
    /** A chunk may be dropped while the store is busy; the next round computes no more than those. */
    private static final int PREFILLS = 3;

    private final Requests requests;
    private final Models models;
    private final MediaParts media;
    private final Planner planner;
    private final Quotas quotas;
    private final Prefill prefill;
    private final ContextStoreClient store;
    private final Pictures pictures;
    private final IngestQueue queue;
    private final IngestRecords ingest;
    private final Lives lives;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();

    /**
     * @param usual of a content for which none was said
     * @param pending how long a prefill in the background may take
     * @param ingests contents of one tenant that are being prefilled in the background
     */
    public record Lives(Duration usual, Duration pending, int ingests) {}

    public CachedContents(
            Requests requests,
            Models models,
            MediaParts media,
            Planner planner,
            Quotas quotas,
            Prefill prefill,
            ContextStoreClient store,
            Pictures pictures,
            IngestQueue queue,
            Lives lives,
            Clock clock) {
        this.requests = requests;
        this.models = models;
        this.media = media;
        this.planner = planner;
        this.quotas = quotas;
        this.prefill = prefill;
        this.store = store;
        this.pictures = pictures;
        this.queue = queue;
        this.lives = lives;
        this.ingest = new IngestRecords(store, clock);
        this.clock = clock;
    }

    /**
     * Reads, lays out, prefills and stores; returns when every chunk is in the store, or, in the background, when the
     * prefill is queued.
     *
     * @throws ApiException UNAVAILABLE when the store does not take it all
     */
    public CachedContent create(CachedContent wanted, Tenant tenant, Caller caller) {
        try {
            return make(wanted, tenant, caller);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ApiException.cancelled("the request was stopped");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private CachedContent make(CachedContent wanted, Tenant tenant, Caller caller)
            throws InterruptedException, IOException {
        if (!wanted.getName().isEmpty()) {
            throw ApiException.badField("name", "set", "none; the server names contents");
        }
        if (wanted.getDisplayName().length() > MAX_DISPLAY_NAME) {
            throw ApiException.badField(
                    "displayName", wanted.getDisplayName().length() + " characters", "at most " + MAX_DISPLAY_NAME);
        }
        var life = life(wanted, lives.usual());
        if (wanted.getLongreachBackground() && ingest.count(tenant) >= lives.ingests()) {
            throw ApiException.tooLarge("contents prefilled in the background: " + lives.ingests()
                    + " are not ready yet (expected: fewer of one tenant)");
        }
        var request = requests.parse(wanted);
        var model = models.find(request.model());
        var parts = media.read(request, model, tenant, caller);
        var prefix = planner.prefix(parts.request(), model, parts.media());
        quotas.tokens(tenant, prefix.totalTokens());
        var told = CachedContent.newBuilder()
                .setName(PREFIX + newId())
                .setModel("models/" + model.getName())
                .setUsageMetadata(UsageMetadata.newBuilder().setTotalTokenCount(prefix.totalTokens()));
        if (!wanted.getDisplayName().isEmpty()) {
            told.setDisplayName(wanted.getDisplayName());
        }
        var prompt = prefix.prompt().toBuilder().setFunctions(functions(wanted)).build();
        if (wanted.getLongreachBackground()) {
            pictures.keep(parts.pictures(), tenant.name(), caller);
            var job = IngestJob.newBuilder().setModel(model.getName()).addAllSegments(prefix.segments());
            if (wanted.hasExpireTime()) {
                job.setExpireMillis(Timestamps.toMillis(wanted.getExpireTime()));
            } else {
                job.setLifeMillis(life.toMillis());
            }
            return begin(told, prompt, job.build(), tenant);
        }
        var chunks = stored(
                tenant, life, () -> prefill.run(model.getName(), tenant, prefix.segments(), parts.pictures(), caller));
        var id = id(told.getName());
        told.setCreateTime(now()).setUpdateTime(now()).setExpireTime(after(life));
        store.put(tenant, PROMPT, id, prompt.toByteString(), life);
        store.put(tenant, CHUNKS, id, chunks.toByteString(), life);
        // Last, since a content is there when this is.
        store.put(tenant, TOLD, id, told.build().toByteString(), life);
        return told.build();
    }

    /** One prefill: the keys of the chunks that hold it, as far as the store took them. */
    interface Round {
        List<ByteString> run() throws InterruptedException, IOException;
    }

    /** Prefills until the store holds it all. @throws ApiException UNAVAILABLE when it does not come to that */
    CachedChunks stored(Tenant tenant, Duration life, Round prefill) throws InterruptedException, IOException {
        List<ByteString> keys = List.of();
        int present = 0;
        for (int round = 0; round < PREFILLS; round++) {
            keys = prefill.run();
            present = keys.isEmpty() ? 0 : store.keep(tenant, keys, life);
            if (present == keys.size() && present > 0) {
                return CachedChunks.newBuilder().addAllKeys(keys).build();
            }
        }
        throw ApiException.unavailable(
                "the context store holds " + present + " of " + keys.size()
                        + " chunks of the content (expected: all of them; it may be full, over the tenant's quota,"
                        + " slow or down)",
                null);
    }

    /** Leaves the prefill to whoever has time. */
    private CachedContent begin(CachedContent.Builder told, CachedPrompt prompt, IngestJob job, Tenant tenant) {
        var id = id(told.getName());
        var life = pendingLife(job);
        var progress = LongreachProgress.newBuilder()
                .setState(LongreachProgress.State.QUEUED)
                .setTotalTokens(told.getUsageMetadata().getTotalTokenCount())
                .setUpdateTime(now())
                .build();
        told.setCreateTime(now())
                .setUpdateTime(now())
                .setExpireTime(after(life))
                .setLongreachProgress(progress);
        ingest.put(tenant, id, job, life);
        ingest.put(tenant, id, new IngestRecords.State(progress, 0), life);
        store.put(tenant, PROMPT, id, prompt.toByteString(), life);
        store.put(tenant, TOLD, id, told.build().toByteString(), life);
        try {
            queue.add(tenant, id);
        } catch (ApiException e) {
            erase(tenant, id);
            throw e;
        }
        return told.build();
    }

    IngestRecords ingest() {
        return ingest;
    }

    /** How long the content shall live when its prefill ends now. @throws ApiException when its time is over by then */
    Duration life(IngestJob job) {
        if (job.getExpireMillis() == 0) {
            return Duration.ofMillis(job.getLifeMillis());
        }
        var left = Duration.ofMillis(job.getExpireMillis() - clock.millis());
        if (left.toMillis() < 1) {
            throw ApiException.failedPrecondition("expireTime: passed before the content was prefilled");
        }
        return left;
    }

    /** How long the records of a content are kept whose prefill is not over. */
    Duration pendingLife(IngestJob job) {
        return job.getExpireMillis() == 0
                ? lives.pending().plusMillis(job.getLifeMillis())
                : Duration.ofMillis(Math.max(1, job.getExpireMillis() - clock.millis()));
    }

    /** Whether nobody has deleted it. */
    boolean isThere(Tenant tenant, String id) {
        return store.get(tenant, TOLD, id).isPresent();
    }

    /** Notes which chunks will hold it, so that deleting it erases those that are there. */
    void begun(Tenant tenant, String id, IngestJob job, List<ByteString> chunks) {
        store.put(
                tenant,
                CHUNKS,
                id,
                CachedChunks.newBuilder().addAllKeys(chunks).build().toByteString(),
                pendingLife(job));
    }

    /** Its chunks are in the store. */
    void ready(Tenant tenant, String id, IngestJob job, LongreachProgress progress, CachedChunks chunks) {
        var prompt = store.get(tenant, PROMPT, id);
        var told = store.get(tenant, TOLD, id);
        if (prompt.isEmpty() || told.isEmpty()) {
            erase(tenant, id);
            return;
        }
        var life = life(job);
        store.put(tenant, PROMPT, id, prompt.get(), life);
        store.put(tenant, CHUNKS, id, chunks.toByteString(), life);
        settled(tenant, id, told.get(), progress, life);
    }

    /** No attempt will be made any more: it stays, to say why, as long as it would have been waited for. */
    void failed(Tenant tenant, String id, LongreachProgress progress) {
        var job = ingest.job(tenant, id);
        var told = store.get(tenant, TOLD, id);
        if (job.isEmpty() || told.isEmpty()) {
            erase(tenant, id);
            return;
        }
        settled(tenant, id, told.get(), progress, pendingLife(job.get()));
    }

    /** Who deletes it takes the job first: when that is gone now, all that was written just before must go. */
    private void settled(Tenant tenant, String id, ByteString told, LongreachProgress progress, Duration life) {
        var settled = told(told).toBuilder()
                .setUpdateTime(now())
                .setExpireTime(after(life))
                .setLongreachProgress(progress.toBuilder().setUpdateTime(now()))
                .build();
        store.put(tenant, TOLD, id, settled.toByteString(), life);
        if (ingest.delete(tenant, id) == 0) {
            erase(tenant, id);
        }
    }

    /** @throws ApiException NOT_FOUND, also when it has expired */
    public CachedContent get(Tenant tenant, String name) {
        return store.get(tenant, TOLD, id(name))
                .map(CachedContents::told)
                .filter(this::lives)
                .map(content -> current(tenant, content))
                .orElseThrow(() -> gone(name));
    }

    /** With how far it is by now. */
    private CachedContent current(Tenant tenant, CachedContent content) {
        return isPending(content)
                ? ingest.state(tenant, id(content.getName()))
                        .map(state -> content.toBuilder()
                                .setLongreachProgress(state.progress())
                                .build())
                        .orElse(content)
                : content;
    }

    private static boolean isPending(CachedContent content) {
        return switch (content.getLongreachProgress().getState()) {
            case QUEUED, PREFILLING -> true;
            case STATE_UNSPECIFIED, READY, FAILED, UNRECOGNIZED -> false;
        };
    }

    /** @throws ApiException FAILED_PRECONDITION while it is being prefilled, and when that has failed */
    private static CachedContent checkReady(CachedContent content) {
        var progress = content.getLongreachProgress();
        if (isPending(content)) {
            throw ApiException.failedPrecondition(content.getName() + ": still being prefilled, "
                    + progress.getDoneTokens() + " of " + progress.getTotalTokens() + " tokens (expected: ready)");
        }
        if (progress.getState() == LongreachProgress.State.FAILED) {
            throw ApiException.failedPrecondition(content.getName() + ": its prefill has failed: "
                    + progress.getError().getMessage());
        }
        return content;
    }

    /** Newest first. */
    public ListCachedContentsResponse list(Tenant tenant, int pageSize, String pageToken) {
        if (pageSize < 0 || pageSize > MAX_PAGE) {
            throw ApiException.badField("pageSize", pageSize, "0 <= pageSize <= " + MAX_PAGE);
        }
        if (pageToken.length() > 128) {
            throw ApiException.badField("pageToken", "too long", "nextPageToken of the page before");
        }
        int size = pageSize == 0 ? DEFAULT_PAGE : pageSize;
        var rest = store.list(tenant, TOLD).stream()
                .map(record -> told(record.getValue()))
                .filter(this::lives)
                .sorted(Comparator.comparing(CachedContents::position).reversed())
                .filter(content -> pageToken.isEmpty() || position(content).compareTo(pageToken) < 0)
                .toList();
        var page = ListCachedContentsResponse.newBuilder();
        rest.stream().limit(size).forEach(content -> page.addCachedContents(current(tenant, content)));
        if (rest.size() > size) {
            page.setNextPageToken(position(rest.get(size - 1)));
        }
        return page.build();
    }

    /** Sorts as text: time, then name. */
    private static String position(CachedContent content) {
        return String.format(
                "%014d.%09d.%s",
                content.getCreateTime().getSeconds(),
                content.getCreateTime().getNanos(),
                content.getName().substring(PREFIX.length()));
    }

    /**
     * Sets the time to live anew, which is all that can be changed.
     *
     * @param mask empty: whichever is set
     */
    public CachedContent update(Tenant tenant, CachedContent wanted, FieldMask mask) {
        for (var path : mask.getPathsList()) {
            if (!path.equals("ttl") && !path.equals("expire_time") && !path.equals("expireTime")) {
                throw ApiException.badField(
                        "updateMask", path.length() > 40 ? "another field" : path, "ttl or expireTime");
            }
        }
        if (wanted.getExpirationCase() == CachedContent.ExpirationCase.EXPIRATION_NOT_SET) {
            throw ApiException.badField("ttl", "not set", "ttl or expireTime; nothing else can be changed");
        }
        var before = checkReady(get(tenant, wanted.getName()));
        var id = id(wanted.getName());
        var life = life(wanted, lives.usual());
        var prompt = store.get(tenant, PROMPT, id).orElseThrow(() -> gone(wanted.getName()));
        var chunks = store.get(tenant, CHUNKS, id).orElseThrow(() -> gone(wanted.getName()));
        int present = store.keep(tenant, chunks(chunks).getKeysList(), life);
        if (present < chunks(chunks).getKeysCount()) {
            LOG.info(
                    "{} of {} chunks of a cached content are left",
                    present,
                    chunks(chunks).getKeysCount());
        }
        store.put(tenant, PROMPT, id, prompt, life);
        store.put(tenant, CHUNKS, id, chunks, life);
        var after = before.toBuilder()
                .setUpdateTime(now())
                .setExpireTime(after(life))
                .build();
        store.put(tenant, TOLD, id, after.toByteString(), life);
        return after;
    }

    /** @param remaining chunks found by looking again */
    public record Erased(long chunks, long records, long remaining) {}

    /**
     * Deletes a content with those of its chunks that no other content of the tenant stands on; one that is being
     * prefilled is given up.
     *
     * @throws ApiException NOT_FOUND
     */
    public Erased delete(Tenant tenant, String name) {
        get(tenant, name);
        return erase(tenant, id(name));
    }

    private Erased erase(Tenant tenant, String id) {
        long records = ingest.delete(tenant, id);
        // First, so that nobody begins to use it meanwhile.
        for (var kind : List.of(TOLD, PROMPT)) {
            records += store.delete(tenant, kind, id) ? 1 : 0;
        }
        var erased = eraseChunks(store, tenant, id);
        return new Erased(erased.chunks(), records + erased.records(), erased.remaining());
    }

    /** Notes the chunks that something stands on, under its own name: a content's or another's. */
    public static void putChunks(
            ContextStoreClient store, Tenant tenant, String id, List<ByteString> keys, Duration life) {
        store.keep(tenant, keys, life);
        store.put(
                tenant,
                CHUNKS,
                id,
                CachedChunks.newBuilder().addAllKeys(keys).build().toByteString(),
                life);
    }

    /** Erases those chunks of a name that no other name of the tenant stands on. */
    public static Erased eraseChunks(ContextStoreClient store, Tenant tenant, String id) {
        var own = store.get(tenant, CHUNKS, id).map(CachedContents::chunks).orElse(CachedChunks.getDefaultInstance());
        long records = store.delete(tenant, CHUNKS, id) ? 1 : 0;
        var erased = eraseAlone(store, tenant, own.getKeysList());
        return new Erased(erased.chunks(), records, erased.remaining());
    }

    private static Erased eraseAlone(ContextStoreClient store, Tenant tenant, List<ByteString> own) {
        if (own.isEmpty()) {
            return new Erased(0, 0, 0);
        }
        var shared = new HashSet<ByteString>();
        store.list(tenant, CHUNKS)
                .forEach(other -> shared.addAll(chunks(other.getValue()).getKeysList()));
        var alone = own.stream().filter(key -> !shared.contains(key)).toList();
        var erased = store.erase(tenant, alone);
        return new Erased(erased.getChunksErased(), 0, erased.getRemaining());
    }

    /** What came of a deleted content's prefill after it was deleted: records and chunks. */
    void eraseLate(Tenant tenant, String id, List<ByteString> chunks) {
        erase(tenant, id);
        eraseAlone(store, tenant, chunks);
    }

    /** Chunks, artifacts and records of a tenant, whatever they belong to; counted with the artifacts are the records. */
    public Erased deleteAll(Tenant tenant) {
        var erased = store.eraseAll(tenant);
        return new Erased(erased.getChunksErased(), erased.getArtifactsErased(), erased.getRemaining());
    }

    /**
     * The prompt to go on from.
     *
     * @param model that is asked
     * @throws ApiException NOT_FOUND, or INVALID_ARGUMENT when it was made for another model
     */
    public CachedPrompt prompt(Tenant tenant, String name, String model) {
        var told = checkReady(get(tenant, name));
        if (!told.getModel().equals("models/" + model)) {
            throw ApiException.invalid("Model used by GenerateContent request (models/" + model
                    + ") and CachedContent (" + told.getModel() + ") has to be the same.");
        }
        var stored = store.get(tenant, PROMPT, id(name)).orElseThrow(() -> gone(name));
        try {
            return CachedPrompt.parseFrom(stored);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("a cached prompt of another version", e);
        }
    }

    private static ByteString functions(CachedContent wanted) {
        var functions = CachedContent.newBuilder().addAllTools(wanted.getToolsList());
        if (wanted.hasToolConfig()) {
            functions.setToolConfig(wanted.getToolConfig());
        }
        return functions.build().toByteString();
    }

    /** What may be called by those who go on from a prompt: tools and toolConfig alone. */
    public static CachedContent functions(CachedPrompt prompt) {
        return told(prompt.getFunctions());
    }

    private static String id(String name) {
        var match = NAME.matcher(name);
        if (!match.matches()) {
            throw ApiException.badField(
                    "cachedContent",
                    name.length() > 80 ? name.length() + " characters" : name,
                    "cachedContents/ and lower-case letters, digits and inner dashes");
        }
        return match.group(1);
    }

    private String newId() {
        var id = new StringBuilder();
        for (int i = 0; i < ID_LENGTH; i++) {
            id.append(ID_LETTERS.charAt(random.nextInt(ID_LETTERS.length())));
        }
        return id.toString();
    }

    private static ApiException gone(String name) {
        return ApiException.notFound(
                name + ": no such cached content (expected: one of GET cachedContents; they expire)");
    }

    private static CachedContent told(ByteString stored) {
        try {
            return CachedContent.parseFrom(stored);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("a cached content of another version", e);
        }
    }

    private static CachedChunks chunks(ByteString stored) {
        try {
            return CachedChunks.parseFrom(stored);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("chunks of a cached content of another version", e);
        }
    }

    /** The store forgets it too, but not to the millisecond. */
    private boolean lives(CachedContent content) {
        return Timestamps.compare(content.getExpireTime(), now()) > 0;
    }

    private Timestamp now() {
        return timestamp(clock.instant());
    }

    private Timestamp after(Duration life) {
        return timestamp(clock.instant().plus(life));
    }

    private static Timestamp timestamp(Instant instant) {
        return Timestamp.newBuilder()
                .setSeconds(instant.getEpochSecond())
                .setNanos(instant.getNano())
                .build();
    }

    private Duration life(CachedContent wanted, Duration unset) {
        return switch (wanted.getExpirationCase()) {
            case TTL ->
                checked(
                        "ttl",
                        Duration.ofSeconds(
                                wanted.getTtl().getSeconds(), wanted.getTtl().getNanos()));
            case EXPIRE_TIME ->
                checked(
                        "expireTime",
                        Duration.between(
                                clock.instant(),
                                Instant.ofEpochSecond(
                                        wanted.getExpireTime().getSeconds(),
                                        wanted.getExpireTime().getNanos())));
            case EXPIRATION_NOT_SET -> unset;
        };
    }

    private static Duration checked(String field, Duration life) {
        if (life.compareTo(Duration.ofMillis(1)) < 0 || life.compareTo(MAX_LIFE) > 0) {
            throw ApiException.badField(
                    field, life.toSeconds() + "s from now", "more than 0 and at most " + MAX_LIFE.toDays() + " days");
        }
        return life;
    }
}
