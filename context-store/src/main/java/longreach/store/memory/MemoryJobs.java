package longreach.store.memory;

import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import longreach.store.api.JobQueue;
import longreach.store.api.RecordStore;

/** Jobs of this process alone. */
final class MemoryJobs implements JobQueue {
    private final InstantSource clock;
    /** By queue and id, in the order in which they came. Guards itself. */
    private final Map<String, Map<String, Entry>> queues = new HashMap<>();

    private long count;

    private static final class Entry {
        final byte[] value;
        /** Null: nobody's yet. */
        String worker;

        long heardMillis;

        Entry(byte[] value) {
            this.value = value;
        }
    }

    MemoryJobs(InstantSource clock) {
        this.clock = clock;
    }

    private Map<String, Entry> queue(String queue) {
        return queues.computeIfAbsent(RecordStore.checkKind(queue), name -> new LinkedHashMap<>());
    }

    @Override
    public boolean addJob(String queue, byte[] value, int most) {
        synchronized (queues) {
            if (queue(queue).size() >= most) {
                return false;
            }
            queue(queue)
                    .put("0-" + ++count, new Entry(JobQueue.checkValue(value).clone()));
            return true;
        }
    }

    @Override
    public Optional<Job> claimJob(String queue, String worker, Duration silence) {
        JobQueue.checkWorker(worker);
        long heardBefore = clock.millis() - JobQueue.checkSilence(silence).toMillis();
        synchronized (queues) {
            var jobs = queue(queue).entrySet();
            var silent = jobs.stream()
                    .filter(job -> job.getValue().worker != null && job.getValue().heardMillis <= heardBefore)
                    .findFirst();
            var claimed = silent.isPresent()
                    ? silent
                    : jobs.stream().filter(job -> job.getValue().worker == null).findFirst();
            claimed.ifPresent(job -> {
                job.getValue().worker = worker;
                job.getValue().heardMillis = clock.millis();
            });
            return claimed.map(job -> new Job(job.getKey(), job.getValue().value.clone()));
        }
    }

    @Override
    public boolean holdJob(String queue, String id, String worker) {
        return heard(queue, id, worker, clock.millis());
    }

    @Override
    public boolean giveJobBack(String queue, String id, String worker) {
        return heard(queue, id, worker, clock.millis() - MAX_SILENCE.toMillis());
    }

    private boolean heard(String queue, String id, String worker, long millis) {
        synchronized (queues) {
            var job = queue(queue).get(id);
            if (job == null || !Objects.equals(job.worker, worker)) {
                return false;
            }
            job.heardMillis = millis;
            return true;
        }
    }

    @Override
    public boolean endJob(String queue, String id) {
        synchronized (queues) {
            return queue(queue).remove(id) != null;
        }
    }
}
