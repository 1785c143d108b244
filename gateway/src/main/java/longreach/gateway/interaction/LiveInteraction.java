package longreach.gateway.interaction;

import java.util.concurrent.TimeUnit;
import longreach.gateway.answer.AnswerSink;
import longreach.gateway.auth.Tenant;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import longreach.gateway.error.ErrorMapper;
import longreach.gateway.plan.Plan;
import longreach.gemini.v1beta.Candidate;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.v1.StoredInteraction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An interaction that this server works on. One thread writes; others read, wait and may ask it to stop. */
final class LiveInteraction implements AnswerSink {
    private static final Logger LOG = LoggerFactory.getLogger(LiveInteraction.class);
    /** How often what there is goes to the store, so that other servers can tell it. */
    private static final long SHARE_NANOS = TimeUnit.MILLISECONDS.toNanos(700);

    private static final long LOOK_MILLIS = 200;

    private final Tenant tenant;
    private final InteractionRecords records;
    /** Whether other servers can tell of it before it has ended. */
    private final boolean shares;
    /** Whose leaving ends it. */
    private final Caller caller;

    private final Steps steps = new Steps();
    private final StoredInteraction.Builder told;
    private Plan plan;
    private long shared = System.nanoTime();
    private long version;
    private boolean stopped;
    private boolean forgotten;
    private Throwable failure;
    private Candidate.FinishReason finishReason = Candidate.FinishReason.STOP;

    LiveInteraction(Tenant tenant, StoredInteraction begun, InteractionRecords records, boolean shares, Caller caller) {
        this.tenant = tenant;
        this.records = records;
        this.shares = shares;
        this.caller = caller;
        told = begun.toBuilder();
    }

    /** As it is now. */
    synchronized StoredInteraction snapshot() {
        return told.clone().clearSteps().addAllSteps(steps.list()).build();
    }

    synchronized long version() {
        return version;
    }

    /** @param version as the last snapshot was taken; the current one when something happened */
    synchronized long awaitChange(long version, Caller reader) throws InterruptedException {
        while (this.version == version && !over()) {
            wait(LOOK_MILLIS);
            reader.checkStillThere();
        }
        return this.version;
    }

    synchronized boolean over() {
        return told.getStatus() != StoredInteraction.Status.IN_PROGRESS;
    }

    /**
     * Waits until lm-core has taken the request.
     *
     * @throws ApiException what it failed with before
     */
    synchronized void awaitPlanned(Caller reader) throws InterruptedException {
        while (plan == null && !over()) {
            wait(LOOK_MILLIS);
            reader.checkStillThere();
        }
        if (plan == null && failure != null) {
            rethrow();
        }
    }

    synchronized Plan plan() {
        return plan;
    }

    synchronized Steps steps() {
        return steps;
    }

    /** @param forget whether nothing of it shall be kept */
    synchronized void stop(boolean forget) {
        stopped = true;
        forgotten |= forget;
        notifyAll();
    }

    /** Whether it has records before its end. */
    boolean shares() {
        return shares;
    }

    /** @throws RuntimeException what it failed with */
    synchronized void rethrow() {
        throw failure instanceof RuntimeException known ? known : new IllegalStateException(failure);
    }

    synchronized boolean stopped() {
        return stopped;
    }

    synchronized boolean forgotten() {
        return forgotten;
    }

    @Override
    public synchronized void planned(Plan plan) {
        this.plan = plan;
        happened();
    }

    @Override
    public void accept(GenerateContentResponse piece) {
        checkStillThere();
        synchronized (this) {
            var candidate = piece.getCandidates(0);
            steps.add(candidate);
            if (piece.hasLongreachReceipt()) {
                told.setUsage(piece.getUsageMetadata().toByteString())
                        .setReceipt(piece.getLongreachReceipt().toByteString());
                finishReason = candidate.getFinishReason();
            }
            happened();
        }
    }

    /** What it will have ended as, once that is kept. */
    synchronized StoredInteraction.Status outcome() {
        if (steps.hasCalls()) {
            return StoredInteraction.Status.REQUIRES_ACTION;
        }
        return finishReason == Candidate.FinishReason.MAX_TOKENS
                ? StoredInteraction.Status.INCOMPLETE
                : StoredInteraction.Status.COMPLETED;
    }

    synchronized void end(StoredInteraction.Status status) {
        steps.close();
        told.setStatus(status).setUpdated(records.now());
        happened();
    }

    /** @param error of which the caller is told as of every error */
    synchronized void fail(Throwable error) {
        var status = ErrorMapper.toStatus(error);
        failure = error;
        steps.close();
        told.setStatus(StoredInteraction.Status.FAILED)
                .setErrorCode(
                        io.grpc.Status.fromCodeValue(status.getCode()).getCode().name())
                .setErrorMessage(status.getMessage());
        happened();
    }

    private void happened() {
        version++;
        notifyAll();
    }

    @Override
    public void checkStillThere() {
        caller.checkStillThere();
        share();
        synchronized (this) {
            if (stopped) {
                throw ApiException.cancelled("the interaction was cancelled");
            }
        }
    }

    /** Now and then: a sign of life with what there is, and a look whether somebody on another server has it stopped. */
    private void share() {
        if (!shares || System.nanoTime() - shared < SHARE_NANOS) {
            return;
        }
        shared = System.nanoTime();
        StoredInteraction now;
        synchronized (this) {
            if (forgotten || stopped) {
                return;
            }
            told.setUpdated(records.now());
            now = snapshot();
        }
        try {
            var asked = records.stopAsked(tenant, now.getId());
            if (!asked.isEmpty()) {
                stop(asked.equals("forget"));
                return;
            }
            records.put(tenant, now);
        } catch (ApiException e) {
            // The end is what must be kept; until then other servers tell of an older state.
            LOG.debug("an interaction in progress could not be shared: {}", e.getMessage());
        }
    }
}
