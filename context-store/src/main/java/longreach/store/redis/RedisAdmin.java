package longreach.store.redis;

import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.ScanArgs;
import io.lettuce.core.ScanCursor;
import io.lettuce.core.cluster.api.async.RedisAdvancedClusterAsyncCommands;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import longreach.store.api.StoreUnavailableException;

/** Steps of administration: unlike lookups, they say that the store cannot be reached. */
final class RedisAdmin {
    /** For one step; such steps are short, and nobody's answer waits on them. */
    static final Duration TIMEOUT = Duration.ofSeconds(5);

    private static final int BATCH = 1000;

    private final RedisLink link;

    RedisAdmin(RedisLink link) {
        this.link = link;
    }

    /** @throws StoreUnavailableException while the store is down */
    RedisLink.Session session() {
        RedisLink.Session session = link.session();
        if (session == null) {
            throw new StoreUnavailableException(link.name() + ": not connected", null);
        }
        return session;
    }

    void scan(RedisLink.Session session, String pattern, Consumer<List<byte[]>> each) {
        ScanArgs args = ScanArgs.Builder.limit(BATCH).match(pattern);
        ScanCursor cursor = ScanCursor.INITIAL;
        do {
            KeyScanCursor<byte[]> page = answer(session.writer().async().scan(cursor, args));
            each.accept(page.getKeys());
            cursor = page;
        } while (!cursor.isFinished());
    }

    /** What a server, or each of a cluster's masters, says of itself. */
    List<Map<String, String>> info(RedisLink.Session session) {
        List<CompletableFuture<String>> answers = new ArrayList<>();
        if (session.writer().async() instanceof RedisAdvancedClusterAsyncCommands<byte[], Buffer> cluster) {
            for (var each : cluster.upstream().commands().info()) {
                answers.add(each.toCompletableFuture());
            }
        } else {
            answers.add(session.writer().async().info().toCompletableFuture());
        }
        return answers.stream().map(each -> fields(answer(each))).toList();
    }

    private static Map<String, String> fields(String info) {
        Map<String, String> fields = new HashMap<>();
        for (String line : info.split("\r?\n")) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                fields.put(line.substring(0, colon), line.substring(colon + 1));
            }
        }
        return fields;
    }

    static long sum(List<Map<String, String>> servers, String field) {
        return servers.stream()
                .mapToLong(each -> Long.parseLong(each.getOrDefault(field, "0")))
                .sum();
    }

    /** The sum of the command's answers over all keys, a batch of them under way at once. */
    long sum(List<byte[]> keys, Function<byte[], CompletableFuture<Long>> command) {
        long sum = 0;
        for (int from = 0; from < keys.size(); from += BATCH) {
            List<CompletableFuture<Long>> answers = new ArrayList<>();
            for (byte[] key : keys.subList(from, Math.min(from + BATCH, keys.size()))) {
                answers.add(command.apply(key));
            }
            for (CompletableFuture<Long> each : answers) {
                sum += answer(each);
            }
        }
        return sum;
    }

    <T> T answer(RedisFuture<T> future) {
        return answer(future.toCompletableFuture());
    }

    private <T> T answer(Future<T> future) {
        try {
            return future.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new StoreUnavailableException(
                    link.name() + ": " + e.getCause().getMessage(), e.getCause());
        } catch (TimeoutException | CancellationException e) {
            throw new StoreUnavailableException(link.name() + ": no answer", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreUnavailableException("interrupted", e);
        }
    }
}
