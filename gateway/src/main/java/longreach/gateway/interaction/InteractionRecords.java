package longreach.gateway.interaction;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import longreach.gateway.auth.Tenant;
import longreach.gateway.cache.CachedContents;
import longreach.gateway.cache.ContextStoreClient;
import longreach.gateway.error.ApiException;
import longreach.gateway.plan.Earlier;
import longreach.v1.CachedPrompt;
import longreach.v1.StoredInteraction;

/**
 * Interactions in the context store, two records each: what is told of one, and its step of the conversation. A
 * conversation is the steps of an interaction and of all that it follows, so deleting one takes its words from every
 * conversation.
 */
final class InteractionRecords {
    private static final String TOLD = "interaction";
    private static final String STEP = "interaction-step";
    private static final String STOP = "interaction-stop";
    private static final Pattern ID = Pattern.compile("[a-z0-9]{24}");
    private static final String LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
    private static final int ID_LENGTH = 24;
    private static final Duration STOP_LIFE = Duration.ofHours(1);

    private final ContextStoreClient store;
    private final Duration life;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();

    InteractionRecords(ContextStoreClient store, Duration life, Clock clock) {
        this.store = store;
        this.life = life;
        this.clock = clock;
    }

    String newId() {
        var id = new StringBuilder();
        for (int i = 0; i < ID_LENGTH; i++) {
            id.append(LETTERS.charAt(random.nextInt(LETTERS.length())));
        }
        return id.toString();
    }

    Timestamp now() {
        return timestamp(clock.instant());
    }

    Timestamp expiry() {
        return timestamp(clock.instant().plus(life));
    }

    private static Timestamp timestamp(Instant instant) {
        return Timestamp.newBuilder()
                .setSeconds(instant.getEpochSecond())
                .setNanos(instant.getNano())
                .build();
    }

    /** @throws ApiException INVALID_ARGUMENT */
    static String checkId(String id, String field) {
        if (!ID.matcher(id).matches()) {
            throw ApiException.badField(field, InteractionRequest.shorten(id), "the id of an interaction");
        }
        return id;
    }

    void put(Tenant tenant, StoredInteraction interaction) {
        store.put(tenant, TOLD, interaction.getId(), interaction.toByteString(), life);
    }

    void putStep(Tenant tenant, String id, CachedPrompt step) {
        store.put(tenant, STEP, id, step.toByteString(), life);
    }

    void putChunks(Tenant tenant, String id, List<ByteString> keys) {
        CachedContents.putChunks(store, tenant, id, keys, life);
    }

    Optional<StoredInteraction> find(Tenant tenant, String id) {
        return store.get(tenant, TOLD, id).map(stored -> {
            try {
                return StoredInteraction.parseFrom(stored);
            } catch (InvalidProtocolBufferException e) {
                throw new IllegalStateException("an interaction of another version", e);
            }
        });
    }

    /** Asks whoever works on it to stop. @param forget whether it shall leave no records */
    void askToStop(Tenant tenant, String id, boolean forget) {
        store.put(tenant, STOP, id, ByteString.copyFromUtf8(forget ? "forget" : "stop"), STOP_LIFE);
    }

    /** "stop", "forget" or empty. */
    String stopAsked(Tenant tenant, String id) {
        return store.get(tenant, STOP, id).map(ByteString::toStringUtf8).orElse("");
    }

    /** With the chunks that nothing else stands on. */
    void delete(Tenant tenant, String id) {
        store.delete(tenant, TOLD, id);
        store.delete(tenant, STEP, id);
        store.delete(tenant, STOP, id);
        CachedContents.eraseChunks(store, tenant, id);
    }

    /**
     * The conversation up to and with an interaction. What is past half of its life lives on from now.
     *
     * @throws ApiException NOT_FOUND when a part of it is gone
     */
    CachedPrompt conversation(Tenant tenant, StoredInteraction last) {
        var ids = new ArrayList<>(last.getBeforeList());
        ids.add(last.getId());
        boolean old = last.getExpires().getSeconds() - clock.instant().getEpochSecond() < life.toSeconds() / 2;
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var found = new ArrayList<Future<CachedPrompt>>();
            for (var id : ids) {
                Callable<CachedPrompt> read = () -> step(tenant, id, last.getId(), old);
                found.add(threads.submit(io.grpc.Context.current().wrap(read)));
            }
            var steps = new ArrayList<CachedPrompt>();
            for (var each : found) {
                steps.add(each.get());
            }
            return Earlier.join(steps);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ApiException.cancelled("the request was stopped");
        } catch (ExecutionException e) {
            throw e.getCause() instanceof ApiException known ? known : new IllegalStateException(e.getCause());
        }
    }

    private CachedPrompt step(Tenant tenant, String id, String last, boolean renew) {
        var stored = store.get(tenant, STEP, id)
                .orElseThrow(() -> ApiException.notFound("previous_interaction_id: " + last
                        + (id.equals(last) ? " is gone" : " follows " + id + ", which is gone")
                        + " (expected: an interaction whose conversation was neither deleted nor has expired)"));
        if (renew) {
            store.put(tenant, STEP, id, stored, life);
        }
        try {
            return CachedPrompt.parseFrom(stored);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("a conversation of another version", e);
        }
    }
}
