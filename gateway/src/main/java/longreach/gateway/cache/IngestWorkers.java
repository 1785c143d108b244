package longreach.gateway.cache;

import com.google.protobuf.ByteString;
import com.google.rpc.Status;
import io.grpc.Status.Code;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import longreach.gateway.auth.Tenant;
import longreach.gateway.cache.IngestQueue.Claimed;
import longreach.gateway.cache.IngestRecords.State;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import longreach.gateway.error.ErrorMapper;
import longreach.gateway.models.Models;
import longreach.gemini.v1beta.LongreachProgress;
import longreach.v1.CachedChunks;
import longreach.v1.GenerateDown;
import longreach.v1.IngestJob;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Prefills the contents that were begun in the background. A content that this process does not finish is taken over, by
 * another gateway or by this one after a restart, and the chunks that were published until then are restored.
 */
public final class IngestWorkers implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(IngestWorkers.class);
    /** How often somebody who waits for a bar to move is told. */
    private static final long TELL_NANOS = Duration.ofSeconds(1).toNanos();
    /** What lm-core had under way when it was cancelled has then reached the store. */
    private static final long SETTLE_MILLIS = 2000;

    /** Another attempt would end the same way. */
    private static final Set<Code> FINAL = Set.of(
            Code.INVALID_ARGUMENT,
            Code.NOT_FOUND,
            Code.FAILED_PRECONDITION,
            Code.OUT_OF_RANGE,
            Code.UNIMPLEMENTED,
            Code.PERMISSION_DENIED,
            Code.UNAUTHENTICATED);

    /**
     * @param workers contents that this gateway works on at once; 0: it leaves them to others
     * @param poll how often it looks for work
     * @param silence after which a gateway's content is taken over
     * @param attempts without getting any further, before a content has failed
     */
    public record Settings(int workers, Duration poll, Duration silence, int attempts) {}

    private final CachedContents contents;
    private final IngestQueue queue;
    private final IngestRecords records;
    private final Prefill prefill;
    private final Models models;
    private final Settings settings;
    private final String process = UUID.randomUUID().toString();
    private final List<Thread> threads = new ArrayList<>();

    public IngestWorkers(
            CachedContents contents, IngestQueue queue, Prefill prefill, Models models, Settings settings) {
        this.contents = contents;
        this.queue = queue;
        this.records = contents.ingest();
        this.prefill = prefill;
        this.models = models;
        this.settings = settings;
    }

    public void start() {
        for (int i = 0; i < settings.workers(); i++) {
            var worker = process + "-" + i;
            threads.add(Thread.ofVirtual().name("ingest-" + i).start(() -> work(worker)));
        }
    }

    private void work(String worker) {
        try {
            while (true) {
                if (!workOnNext(worker)) {
                    Thread.sleep(settings.poll());
                }
            }
        } catch (InterruptedException closed) {
            LOG.debug("{} stopped", worker);
        }
    }

    private boolean workOnNext(String worker) throws InterruptedException {
        try {
            var claimed = queue.claim(worker, settings.silence());
            if (claimed.isPresent()) {
                new Attempt(worker, claimed.get()).run();
            }
            return claimed.isPresent();
        } catch (ApiException e) {
            // The store, or lm-core before anything was begun: what was claimed is claimed again after the silence.
            LOG.debug("no work for {}: {}", worker, e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("a background prefill was left", e);
        }
        return false;
    }

    @Override
    public void close() throws InterruptedException {
        threads.forEach(Thread::interrupt);
        for (var thread : threads) {
            thread.join(settings.silence());
        }
    }

    /** The content was deleted, or another gateway has it. */
    private static final class Left extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Left(String reason) {
            super(reason, null, false, false);
        }
    }

    /** One claim of one content. Used by one thread. */
    private final class Attempt implements Caller {
        private final String worker;
        private final Claimed claimed;
        private final Tenant tenant;
        private final String id;
        private IngestJob job;
        private LongreachProgress.Builder told;
        private List<ByteString> chunks = List.of();
        private int furthest;
        private long beganNanos;
        private long heldNanos = System.nanoTime();
        private long toldNanos;

        Attempt(String worker, Claimed claimed) {
            this.worker = worker;
            this.claimed = claimed;
            this.tenant = claimed.tenant();
            this.id = claimed.content();
        }

        void run() throws InterruptedException {
            var found = records.job(tenant, id);
            if (found.isEmpty()) {
                // Deleted, or finished by somebody who did not come to say so.
                queue.end(claimed.id());
                return;
            }
            job = found.get();
            try {
                models.ask();
            } catch (ApiException e) {
                // While lm-core is away no attempt is used up.
                queue.giveBack(claimed.id(), worker);
                throw e;
            }
            var before = records.state(tenant, id);
            furthest = before.map(State::furthestTokens).orElse(0);
            told = before.map(State::progress).orElse(LongreachProgress.getDefaultInstance()).toBuilder();
            if (told.getAttempts() >= settings.attempts()) {
                if (!told.hasError()) {
                    told.setError(Status.newBuilder()
                            .setCode(Code.ABORTED.value())
                            .setMessage("the prefill ended " + told.getAttempts() + " times without an answer"));
                }
                contents.failed(
                        tenant,
                        id,
                        told.setState(LongreachProgress.State.FAILED).build());
                queue.end(claimed.id());
                LOG.warn("a background prefill has failed: {} attempts got no further", told.getAttempts());
                return;
            }
            // Counted before it begins, so that one that ends this process counts.
            told.setState(LongreachProgress.State.PREFILLING)
                    .setAttempts(told.getAttempts() + 1)
                    .setDoneTokens(0)
                    .setRestoredTokens(0)
                    .setTokensPerSecond(0)
                    .setSecondsLeft(0);
            tell();
            try {
                var keys = prefilled();
                contents.ready(
                        tenant,
                        id,
                        job,
                        told.setState(LongreachProgress.State.READY)
                                .setDoneTokens(told.getTotalTokens())
                                .setSecondsLeft(0)
                                .clearError()
                                .build(),
                        keys);
                queue.end(claimed.id());
            } catch (Left left) {
                LOG.info("a background prefill was left: {}", left.getMessage());
            } catch (InterruptedException closing) {
                uncounted();
                throw closing;
            } catch (ApiException e) {
                if (Thread.interrupted()) {
                    // It broke off a call to another service.
                    uncounted();
                    throw new InterruptedException();
                }
                failed(e);
            } catch (IOException | RuntimeException e) {
                LOG.error("a background prefill failed", e);
                failed(ErrorMapper.toStatus(e));
            }
        }

        /** @return the chunks that hold it, all of which are in the store */
        private CachedChunks prefilled() throws InterruptedException, IOException {
            return contents.stored(
                    tenant,
                    contents.life(job),
                    () -> prefill.run(job.getModel(), tenant, job.getSegmentsList(), List.of(), this, this::happened));
        }

        private void happened(GenerateDown down) {
            if (down.hasWant() && beganNanos == 0) {
                beganNanos = System.nanoTime();
                chunks = down.getWant().getChunkKeysList();
                attempt(() -> contents.begun(tenant, id, job, chunks));
                told.setRestoredTokens(down.getWant().getRestoredTokens());
                at(down.getWant().getRestoredTokens());
            } else if (down.hasPrefill()) {
                at(down.getPrefill().getDoneTokens());
            } else if (down.hasDone()) {
                at(told.getTotalTokens());
            }
            checkStillThere();
        }

        private void at(int done) {
            told.setDoneTokens(done);
            double seconds = (System.nanoTime() - beganNanos) / 1e9;
            int computed = done - told.getRestoredTokens();
            if (computed > 0 && seconds > 0) {
                told.setTokensPerSecond(computed / seconds);
                told.setSecondsLeft((told.getTotalTokens() - done) * seconds / computed);
            }
            if (done > furthest) {
                furthest = done;
                told.setAttempts(1).clearError();
            }
        }

        /** Now and then: a sign of life, how far it is, and a look whether it is still wanted. */
        @Override
        public void checkStillThere() {
            long now = System.nanoTime();
            if (now - heldNanos > settings.silence().toNanos() / 3) {
                heldNanos = now;
                if (!reached(() -> queue.hold(claimed.id(), worker), true)) {
                    throw new Left("another gateway has it");
                }
            }
            if (now - toldNanos > TELL_NANOS) {
                toldNanos = now;
                if (!reached(() -> contents.isThere(tenant, id), true)) {
                    forget();
                    throw new Left("it was deleted");
                }
                attempt(this::tell);
            }
        }

        /** A store that is away for a while stops no prefill. */
        private boolean reached(BooleanSupplier step, boolean otherwise) {
            try {
                return step.getAsBoolean();
            } catch (ApiException e) {
                LOG.debug("the state of a background prefill could not be kept: {}", e.getMessage());
                return otherwise;
            }
        }

        private void attempt(Runnable step) {
            reached(
                    () -> {
                        step.run();
                        return true;
                    },
                    false);
        }

        private void tell() {
            records.put(tenant, id, new State(told.build(), furthest), contents.pendingLife(job));
        }

        /** The content is gone, and with it goes what was published of it, once no more comes. */
        private void forget() {
            Thread.ofVirtual().name("ingest-forget").start(() -> {
                try {
                    Thread.sleep(SETTLE_MILLIS);
                    contents.eraseLate(tenant, id, chunks);
                    queue.end(claimed.id());
                } catch (ApiException e) {
                    LOG.warn("chunks of a deleted content stay until their time is over: {}", e.getMessage());
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
        }

        private void failed(ApiException e) {
            if (e.code() == Code.RESOURCE_EXHAUSTED) {
                // lm-core has others to serve: it waits as they did.
                told.setAttempts(told.getAttempts() - 1);
            }
            failed(ErrorMapper.toStatus(e));
        }

        /** Final errors end it; after others it is claimed again when it has been silent for long enough. */
        private void failed(Status error) {
            told.setError(error.toBuilder().clearDetails());
            if (FINAL.contains(io.grpc.Status.fromCodeValue(error.getCode()).getCode())) {
                contents.failed(
                        tenant,
                        id,
                        told.setState(LongreachProgress.State.FAILED).build());
                queue.end(claimed.id());
                return;
            }
            LOG.warn("a background prefill will be tried again: {}", error.getMessage());
            told.setState(LongreachProgress.State.QUEUED);
            tell();
        }

        /** This gateway stops: the next one that asks goes on. */
        private void uncounted() {
            told.setState(LongreachProgress.State.QUEUED).setAttempts(told.getAttempts() - 1);
            attempt(this::tell);
            attempt(() -> queue.giveBack(claimed.id(), worker));
        }
    }
}
