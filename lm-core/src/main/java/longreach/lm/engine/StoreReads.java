package longreach.lm.engine;

import java.util.List;
import longreach.lm.kv.CheckpointPlan;
import longreach.lm.kv.ChunkKeys;
import longreach.lm.kv.ChunkLookup;
import longreach.lm.kv.ChunkPlan;
import longreach.lm.kv.ChunkPlanner;
import longreach.lm.kv.ChunkPublisher;
import longreach.lm.kv.ChunkSpan;
import longreach.lm.kv.KvPool;
import longreach.lm.kv.KvShape;
import longreach.lm.kv.RowLookup;
import longreach.store.api.ChunkStore;
import longreach.store.api.KeyChain;
import longreach.store.api.Tenant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What sequences want of the store: their chunks when they begin, and the blocks that are chosen for their question. The
 * store is asked from virtual threads; what comes of it reaches sequences on the engine's thread, as an event.
 */
final class StoreReads {
    /** The engine, seen from here. All but {@link #post} and {@link #wake} are for events, on its thread. */
    interface EventLoop {
        void post(Runnable event);

        void wake();

        boolean isRunning(Sequence sequence);

        void fail(Sequence sequence, Throwable cause);
    }

    private static final Logger log = LoggerFactory.getLogger(StoreReads.class);

    private final ChunkStore store;
    private final KvPool pool;
    private final ChunkPublisher publisher;
    private final EngineMetrics metrics;
    private final Computation computation;
    private final EventLoop loop;

    /**
     * @param store null: none
     * @param publisher null with the store
     */
    StoreReads(
            ChunkStore store,
            KvPool pool,
            ChunkPublisher publisher,
            EngineMetrics metrics,
            Computation computation,
            EventLoop loop) {
        this.store = store;
        this.pool = pool;
        this.publisher = publisher;
        this.metrics = metrics;
        this.computation = computation;
        this.loop = loop;
    }

    /** Asks the store on a virtual thread; the answer comes back as an event. */
    void lookUp(Sequence sequence) {
        boolean asks =
                sequence.request.cache().reads() || sequence.request.cache().audits();
        if (store == null || !asks) {
            sequence.foundNothing(store == null ? "no store" : "bypassed");
            sequence.want();
            return;
        }
        Thread.ofVirtual().name("chunk-lookup").start(() -> {
            try {
                Tenant tenant = store.tenant(sequence.request.tenant());
                var keys = new ChunkKeys(new KeyChain(computation.of(sequence), KvShape.LAYOUT_VERSION, tenant));
                ChunkPlan plan = ChunkPlanner.plan(sequence.request.prompt(), keys);
                if (sequence.request.cache().audits()) {
                    loop.post(() -> {
                        known(sequence, tenant, keys, plan);
                        sequence.foundNothing("audit");
                        sequence.want();
                    });
                    return;
                }
                if (sequence.reach != null) {
                    var rows = RowLookup.of(
                            store, tenant, plan, sequence.reach.shape.question(), sequence.reach::firstSeen, pool);
                    // Whoever answers ranks, and computes what is missing then.
                    var unindexed = sequence.request.maxTokens() == 0
                                    && sequence.request.cache().writes()
                            ? sequence.reach.unindexed(store, tenant, plan, rows.firstComputed())
                            : List.<ChunkSpan>of();
                    loop.post(() -> {
                        known(sequence, tenant, keys, plan);
                        found(sequence, rows);
                        if (loop.isRunning(sequence)) {
                            sequence.reach.index(unindexed, tenant, store);
                        }
                    });
                    return;
                }
                var checkpoints =
                        pool.shape().needsCheckpoint() ? CheckpointPlan.of(plan, keys) : new CheckpointPlan(List.of());
                var lookup = ChunkLookup.begin(store, tenant, plan, pool);
                loop.post(() -> {
                    known(sequence, tenant, keys, plan);
                    sequence.checkpoints = checkpoints;
                    began(sequence, lookup);
                });
                lookup.fetch(checkpoints, loop::wake);
                loop.post(() -> found(sequence, lookup));
            } catch (RuntimeException | Error e) {
                log.warn("chunk lookup failed: {}", e.toString());
                loop.post(() -> {
                    if (loop.isRunning(sequence)) {
                        sequence.foundNothing("store down");
                        sequence.want();
                    }
                });
            }
        });
    }

    /** What is certain is restored while the rest is being fetched. */
    private void began(Sequence sequence, ChunkLookup lookup) {
        if (!loop.isRunning(sequence)) {
            lookup.close();
        } else {
            sequence.began(lookup);
        }
    }

    private void found(Sequence sequence, ChunkLookup lookup) {
        if (!loop.isRunning(sequence)) {
            lookup.close();
            return;
        }
        sequence.found(lookup);
        metrics.lookedUp(sequence.promptLength(), lookup.firstComputed());
        sequence.want();
    }

    private static void known(Sequence sequence, Tenant tenant, ChunkKeys keys, ChunkPlan plan) {
        sequence.tenant = tenant;
        sequence.keys = keys;
        sequence.plan = plan;
    }

    private void found(Sequence sequence, RowLookup rows) {
        try (rows) {
            if (loop.isRunning(sequence)) {
                sequence.found(rows);
                metrics.lookedUp(sequence.promptLength(), rows.firstComputed());
                sequence.want();
            }
        }
    }

    /** Has blocks chosen for a sequence that has reached its question. */
    void choose(Sequence sequence) {
        boolean reads = sequence.request.cache().reads();
        boolean writes = sequence.request.cache().writes();
        sequence.reach.startChoice(
                sequence.cache,
                reads ? sequence.plan : null,
                store,
                sequence.tenant,
                writes ? publisher : null,
                pool,
                choice -> loop.post(() -> chosen(sequence, choice)),
                cause -> loop.post(() -> {
                    if (loop.isRunning(sequence)) {
                        loop.fail(sequence, cause);
                    }
                }));
    }

    private void chosen(Sequence sequence, LongRun.Choice choice) {
        try (var rows = choice.rows()) {
            if (loop.isRunning(sequence)) {
                sequence.chosen(choice);
            }
        } catch (RuntimeException | Error e) {
            loop.fail(sequence, e);
        }
    }
}
