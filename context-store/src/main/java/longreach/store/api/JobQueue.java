package longreach.store.api;

import java.time.Duration;
import java.util.Optional;

/**
 * Work that waits for whichever process has time, in the order in which it came. A job is held by the worker that claimed
 * it, as long as that worker says so now and then; after a silence the next one that asks gets it. So a job is done at
 * least once, and what it does must bear being begun again.
 */
public interface JobQueue {
    /** Longest job: it names work, and does not carry it. */
    int MAX_JOB_BYTES = 4096;

    /** Longest silence of a worker that can be asked for. */
    Duration MAX_SILENCE = Duration.ofHours(12);

    /** @param id names it within its queue */
    record Job(String id, byte[] value) {}

    /**
     * Adds to the end of a queue.
     *
     * @param queue 1 to 32 lower-case letters and dashes
     * @param most jobs in the queue, those being worked on included
     * @return false when it is full
     * @throws StoreUnavailableException
     * @throws IllegalArgumentException when the value is longer than {@link #MAX_JOB_BYTES}
     */
    boolean addJob(String queue, byte[] value, int most);

    /**
     * The first job whose worker has been silent for so long, else the first that nobody has; damaged and foreign ones are
     * dropped.
     *
     * @param worker 1 to 64 lower-case letters, digits and dashes
     * @throws StoreUnavailableException
     */
    Optional<Job> claimJob(String queue, String worker, Duration silence);

    /** A sign of life. @return false when it is not this worker's any more @throws StoreUnavailableException */
    boolean holdJob(String queue, String id, String worker);

    /** Lets the next worker that asks have it. @return false when it was not this worker's @throws StoreUnavailableException */
    boolean giveJobBack(String queue, String id, String worker);

    /** Takes a job out, whoever holds it. @return whether it was there @throws StoreUnavailableException */
    boolean endJob(String queue, String id);

    static String checkWorker(String worker) {
        if (!worker.matches("[a-z0-9-]{1,64}")) {
            throw new IllegalArgumentException(
                    "worker: " + worker.length() + " characters (expected: 1 to 64 of a-z, 0-9 and -)");
        }
        return worker;
    }

    static byte[] checkValue(byte[] value) {
        if (value.length > MAX_JOB_BYTES) {
            throw new IllegalArgumentException(
                    "job: " + value.length + " bytes (expected: at most " + MAX_JOB_BYTES + ")");
        }
        return value;
    }

    static Duration checkSilence(Duration silence) {
        if (silence.toMillis() < 1 || silence.compareTo(MAX_SILENCE) > 0) {
            throw new IllegalArgumentException(
                    "silence: " + silence + " (expected: 1 ms to " + MAX_SILENCE.toHours() + " h)");
        }
        return silence;
    }
}
