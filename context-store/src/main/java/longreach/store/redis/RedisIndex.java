package longreach.store.redis;

import io.lettuce.core.RedisFuture;
import io.lettuce.core.ScriptOutputType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.MissReason;
import longreach.store.api.Tenant;

/**
 * What a tenant has in the store, where chunks are bounded by a quota: which are there and how large they are, when each was
 * last used, which have no child, and which are kept whatever happens. A few keys for each tenant, all in one slot of a
 * cluster; one script for each step, so that many processes can keep it. Chunks themselves lie anywhere, and are removed by
 * whoever learns here that they have to go.
 *
 * <p>What the server lets go by itself, because its time was over or because it was full, stays noted until it would be the
 * next to go: the quota then counts too much and never too little.
 */
final class RedisIndex {
    /** Of the last ones evicted, who asks for them is told so. */
    private static final int REMEMBERED = 8192;

    private static final int BATCH = 500;

    /**
     * All keys of a tenant, as the scripts name them. They live equally long: one that went before the others would leave
     * chunks behind that nothing removes.
     */
    private static final String NAMES = """
        local uses, leaves, kids, about, pins, gone =
          KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
        local function adopt(key)
          if (tonumber(redis.call('HGET', kids, key)) or 0) == 0 and not redis.call('ZSCORE', pins, key) then
            local used = redis.call('ZSCORE', uses, key)
            if used then redis.call('ZADD', leaves, used, key) end
          end
        end
        local function forget(key)
          redis.call('ZREM', uses, key)
          redis.call('ZREM', leaves, key)
          redis.call('ZREM', pins, key)
          local known = redis.call('HGET', about, key)
          if not known then return 0 end
          local bytes, parent = tonumber(string.sub(known, 33)), string.sub(known, 1, 32)
          redis.call('HDEL', about, key)
          redis.call('HINCRBY', about, 'total', -bytes)
          if redis.call('HINCRBY', kids, parent, -1) <= 0 then
            redis.call('HDEL', kids, parent)
            adopt(parent)
          end
          return bytes
        end
        local function live(millis)
          local most, left = tonumber(millis), {}
          for i, each in ipairs(KEYS) do
            left[i] = redis.call('PTTL', each)
            most = math.max(most, left[i])
          end
          for i, each in ipairs(KEYS) do
            if left[i] ~= -2 and left[i] < most then redis.call('PEXPIRE', each, string.format('%.0f', most)) end
          end
        end
        """;

    /** Makes room first; what is to be written is no candidate, nor is its parent. Returns whether it fits, and who has to go. */
    private static final String RESERVE = NAMES + """
        local key, parent, bytes, now, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
        if redis.call('HEXISTS', about, key) == 1 then
          redis.call('ZADD', uses, now, key)
          redis.call('ZADD', leaves, 'XX', now, key)
          live(ARGV[7])
          return {1}
        end
        for _, over in ipairs(redis.call('ZRANGEBYSCORE', pins, '-inf', now)) do
          redis.call('ZREM', pins, over)
          adopt(over)
        end
        local evicted = {bytes <= most and 1 or 0}
        if evicted[1] == 0 then return evicted end
        local total = tonumber(redis.call('HGET', about, 'total')) or 0
        while total + bytes > most do
          local victim = nil
          for _, leaf in ipairs(redis.call('ZRANGE', leaves, 0, 1)) do
            if leaf ~= parent and not victim then victim = leaf end
          end
          if not victim then
            evicted[1] = 0
            return evicted
          end
          total = total - forget(victim)
          redis.call('ZADD', gone, now, victim)
          evicted[#evicted + 1] = victim
        end
        if #evicted > 1 then redis.call('ZREMRANGEBYRANK', gone, 0, -1 - tonumber(ARGV[6])) end
        redis.call('HSET', about, key, parent .. tostring(bytes))
        redis.call('HINCRBY', about, 'total', bytes)
        redis.call('HINCRBY', kids, parent, 1)
        redis.call('ZREM', leaves, parent)
        redis.call('ZREM', gone, key)
        redis.call('ZADD', uses, now, key)
        adopt(key)
        live(ARGV[7])
        return evicted\
        """;

    private static final String USED = NAMES + """
        for i = 3, #ARGV do
          redis.call('ZADD', uses, 'XX', ARGV[1], ARGV[i])
          redis.call('ZADD', leaves, 'XX', ARGV[1], ARGV[i])
        end
        live(ARGV[2])
        return 0\
        """;

    private static final String KEEP = NAMES + """
        for i = 3, #ARGV do
          if redis.call('HEXISTS', about, ARGV[i]) == 1 then
            local before = tonumber(redis.call('ZSCORE', pins, ARGV[i])) or 0
            if before < tonumber(ARGV[1]) then redis.call('ZADD', pins, ARGV[1], ARGV[i]) end
            redis.call('ZREM', leaves, ARGV[i])
          end
        end
        live(ARGV[2])
        return 0\
        """;

    private static final String FORGET = NAMES + """
        for i = 1, #ARGV do
          forget(ARGV[i])
          redis.call('ZREM', gone, ARGV[i])
        end
        return 0\
        """;

    /** Nothing: not known; 0: made room for others; else when it was last used. */
    private static final String ASK = NAMES + """
        if redis.call('ZSCORE', gone, ARGV[1]) then return '0' end
        return redis.call('ZSCORE', uses, ARGV[1])\
        """;

    private final RedisAdmin admin;
    private final BufferPool pool;
    private final StoreMetrics metrics;
    private final long quotaBytes;
    private final Duration ttl;

    /** @param quotaBytes of each tenant; 0: no index is kept, and every step does nothing */
    RedisIndex(RedisAdmin admin, BufferPool pool, StoreMetrics metrics, long quotaBytes, Duration ttl) {
        this.admin = admin;
        this.pool = pool;
        this.metrics = metrics;
        this.quotaBytes = quotaBytes;
        this.ttl = ttl;
    }

    boolean on() {
        return quotaBytes > 0;
    }

    /**
     * Notes a chunk that is about to be written, and removes as many others as must make room for it.
     *
     * @return false when nothing that may go would make room for it
     * @throws longreach.store.api.StoreUnavailableException
     */
    boolean reserve(RedisLink.Session session, Tenant tenant, ChunkHeader header, long bytes) {
        List<Object> answer = admin.answer(this.<List<Object>>run(
                session.writer(),
                RESERVE,
                ScriptOutputType.MULTI,
                tenant,
                List.of(
                        header.key().bytes(),
                        header.parent().bytes(),
                        number(bytes),
                        number(micros(Duration.ZERO)),
                        number(quotaBytes),
                        number(REMEMBERED),
                        number(ttl.toMillis()))));
        for (Object victim : answer.subList(1, answer.size())) {
            byte[] key = taken((Buffer) victim);
            session.writer().async().unlink(RedisKeys.chunk(tenant, ChunkKey.of(key)));
            metrics.evicted();
        }
        return (Long) answer.getFirst() == 1;
    }

    /** These were read; nobody waits for that to be noted. */
    void used(RedisLink.Session session, Tenant tenant, List<ChunkKey> keys) {
        if (on()) {
            batches(USED, session, tenant, keys, number(micros(Duration.ZERO)), number(ttl.toMillis()));
        }
    }

    /** @throws longreach.store.api.StoreUnavailableException */
    void keep(RedisLink.Session session, Tenant tenant, List<ChunkKey> keys, Duration atLeast) {
        if (on()) {
            batches(
                            KEEP,
                            session,
                            tenant,
                            keys,
                            number(micros(atLeast)),
                            number(atLeast.plus(ttl).toMillis()))
                    .forEach(admin::answer);
        }
    }

    /** These were removed, or never came to be. @throws longreach.store.api.StoreUnavailableException */
    void forget(RedisLink.Session session, Tenant tenant, List<ChunkKey> keys) {
        if (on()) {
            batches(FORGET, session, tenant, keys).forEach(admin::answer);
        }
    }

    /** Why a chunk is not there, which the server itself does not know. Waits for one answer. */
    MissReason reason(RedisLink.Session session, Tenant tenant, ChunkKey key, Patience patience) {
        RedisFuture<Buffer> asked =
                run(session.readers().getFirst(), ASK, ScriptOutputType.VALUE, tenant, List.of(key.bytes()));
        return switch (patience.await(asked)) {
            case Reply.None none -> none.reason();
            case Reply.Value value -> {
                // Made room for others; or noted as there, so its time was over, or the server was full.
                double used = Double.parseDouble(new String(taken(value.buffer()), StandardCharsets.US_ASCII));
                boolean over = used > 0 && used < micros(ttl.negated());
                yield over ? MissReason.EXPIRED : MissReason.EVICTED;
            }
        };
    }

    private static long micros(Duration fromNow) {
        return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now().plus(fromNow));
    }

    private List<RedisFuture<Long>> batches(
            String script, RedisLink.Session session, Tenant tenant, List<ChunkKey> keys, byte[]... first) {
        List<RedisFuture<Long>> answers = new ArrayList<>();
        for (int from = 0; from < keys.size(); from += BATCH) {
            List<byte[]> arguments = new ArrayList<>(List.of(first));
            keys.subList(from, Math.min(from + BATCH, keys.size())).forEach(key -> arguments.add(key.bytes()));
            answers.add(run(session.writer(), script, ScriptOutputType.INTEGER, tenant, arguments));
        }
        return answers;
    }

    private <T> RedisFuture<T> run(
            RedisLink.Wire wire, String script, ScriptOutputType type, Tenant tenant, List<byte[]> arguments) {
        Buffer[] values = arguments.stream()
                .map(MemorySegment::ofArray)
                .map(segment -> new Buffer(segment, segment))
                .toArray(Buffer[]::new);
        return wire.async().eval(script, type, RedisKeys.index(tenant), values);
    }

    private byte[] taken(Buffer value) {
        try {
            return value.bytes().toArray(ValueLayout.JAVA_BYTE);
        } finally {
            pool.giveBack(value);
        }
    }

    private static byte[] number(long number) {
        return Long.toString(number).getBytes(StandardCharsets.US_ASCII);
    }
}
