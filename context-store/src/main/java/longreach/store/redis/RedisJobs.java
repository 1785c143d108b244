package longreach.store.redis;

import io.lettuce.core.ScriptOutputType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import longreach.store.api.ArtifactLookup;
import longreach.store.api.Digest;
import longreach.store.api.JobQueue;
import longreach.store.api.RecordStore;
import longreach.store.api.Tenant;
import longreach.store.codec.ArtifactFormat;
import longreach.store.codec.StoreSecret;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Jobs in a Redis Stream for each queue: entries wait, a consumer group knows who holds which, and what is done is taken
 * out, so that a stream is as long as its queue. A script for each step keeps its commands together; each has one key, so
 * all of them run in a cluster too.
 */
final class RedisJobs implements JobQueue {
    private static final Logger log = LoggerFactory.getLogger(RedisJobs.class);
    /** No tenant's name can be this one: jobs of all of them wait in one line. */
    private static final String OWNER = "jobs of all tenants";

    private static final String ADD = """
        if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2]) then return false end
        return redis.call('XADD', KEYS[1], '*', 'job', ARGV[1])\
        """;

    /** The group is made by whoever is first; when it is there already, that is an error of no interest. */
    private static final String CLAIM = """
        if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
        redis.pcall('XGROUP', 'CREATE', KEYS[1], 'workers', '0')
        local at = '0-0'
        repeat
          local silent = redis.call('XAUTOCLAIM', KEYS[1], 'workers', ARGV[1], ARGV[2], at, 'COUNT', 1)
          local entry = silent[2][1]
          if entry then return {entry[1], entry[2][2]} end
          at = silent[1]
        until at == '0-0'
        local new = redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[1], 'COUNT', 1, 'STREAMS', KEYS[1], '>')
        if not new then return {} end
        return {new[1][2][1][1], new[1][2][1][2][2]}\
        """;

    /** Its time of silence is set anew, to zero or to so much that it is over. */
    private static final String HOLD = """
        local held = redis.pcall('XPENDING', KEYS[1], 'workers', ARGV[1], ARGV[1], 1)
        if held.err or #held == 0 or held[1][2] ~= ARGV[2] then return 0 end
        redis.call('XCLAIM', KEYS[1], 'workers', ARGV[2], 0, ARGV[1], 'IDLE', ARGV[3], 'JUSTID')
        return 1\
        """;

    private static final String END = """
        redis.pcall('XACK', KEYS[1], 'workers', ARGV[1])
        return redis.call('XDEL', KEYS[1], ARGV[1])\
        """;

    private final RedisAdmin admin;
    private final BufferPool pool;
    private final ArtifactFormat format;
    private final Tenant owner;

    RedisJobs(RedisAdmin admin, BufferPool pool, ArtifactFormat format, StoreSecret secret) {
        this.admin = admin;
        this.pool = pool;
        this.format = format;
        owner = secret.tenant(OWNER);
    }

    @Override
    public boolean addJob(String queue, byte[] value, int most) {
        byte[] sealed = format.seal(owner, digest(queue), JobQueue.checkValue(value));
        Buffer id = run(ADD, ScriptOutputType.VALUE, queue, buffer(sealed), ascii(Integer.toString(most)));
        if (id == null) {
            return false;
        }
        pool.giveBack(id);
        return true;
    }

    @Override
    public Optional<Job> claimJob(String queue, String worker, Duration silence) {
        JobQueue.checkWorker(worker);
        String millis = Long.toString(JobQueue.checkSilence(silence).toMillis());
        while (true) {
            List<Object> found = run(CLAIM, ScriptOutputType.MULTI, queue, ascii(worker), ascii(millis));
            if (found.isEmpty()) {
                return Optional.empty();
            }
            String id = new String(taken((Buffer) found.get(0)), StandardCharsets.US_ASCII);
            byte[] sealed = taken((Buffer) found.get(1));
            switch (format.open(owner, digest(queue), MemorySegment.ofArray(sealed))) {
                case ArtifactLookup.Hit hit -> {
                    return Optional.of(new Job(id, hit.value()));
                }
                case ArtifactLookup.Miss miss -> {
                    log.warn("a job is dropped: {}", miss.reason().text());
                    endJob(queue, id);
                }
            }
        }
    }

    @Override
    public boolean holdJob(String queue, String id, String worker) {
        return hold(queue, id, worker, Duration.ZERO);
    }

    @Override
    public boolean giveJobBack(String queue, String id, String worker) {
        return hold(queue, id, worker, MAX_SILENCE);
    }

    private boolean hold(String queue, String id, String worker, Duration silence) {
        Long held = run(
                HOLD,
                ScriptOutputType.INTEGER,
                queue,
                ascii(checkId(id)),
                ascii(JobQueue.checkWorker(worker)),
                ascii(Long.toString(silence.toMillis())));
        return held == 1;
    }

    @Override
    public boolean endJob(String queue, String id) {
        Long removed = run(END, ScriptOutputType.INTEGER, queue, ascii(checkId(id)));
        return removed == 1;
    }

    private <T> T run(String script, ScriptOutputType type, String queue, Buffer... arguments) {
        byte[][] key = {RedisKeys.jobs(owner, queue)};
        return admin.answer(admin.session().writer().async().<T>eval(script, type, key, arguments));
    }

    private byte[] taken(Buffer value) {
        try {
            return value.bytes().toArray(ValueLayout.JAVA_BYTE);
        } finally {
            pool.giveBack(value);
        }
    }

    private static String checkId(String id) {
        if (!id.matches("[0-9]{1,20}-[0-9]{1,20}")) {
            throw new IllegalArgumentException("job id: " + id.length() + " characters (expected: NUMBER-NUMBER)");
        }
        return id;
    }

    private static Buffer ascii(String text) {
        return buffer(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static Buffer buffer(byte[] bytes) {
        MemorySegment segment = MemorySegment.ofArray(bytes);
        return new Buffer(segment, segment);
    }

    /** Under its own domain: neither an artifact nor a record, nor another queue's job, can pass for one. */
    private static Digest digest(String queue) {
        try {
            var text = "longreach job\0" + RecordStore.checkKind(queue);
            return Digest.of(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
