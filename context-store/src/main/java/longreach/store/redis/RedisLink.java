package longreach.store.redis;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import longreach.store.config.StoreProperties;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections to one Redis, as a circuit that is closed or open. The first failure opens it, since it has already
 * cost a request its patience; while it is open, asking costs a field read, and one background thread tries again, ever
 * more rarely. Safe for use by several threads.
 */
final class RedisLink implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(RedisLink.class);
    private static final Duration FIRST_RETRY = Duration.ofMillis(200);
    private static final Duration LAST_RETRY = Duration.ofSeconds(10);
    /** Nobody waits for an attempt in the background, so it may take this many connect timeouts. */
    private static final int BACKGROUND_PATIENCE = 5;

    private static final int REPLY_SLACK_BYTES = 1 << 20;

    /** One set of connections, used until the first of them fails. */
    record Session(
            List<StatefulRedisConnection<byte[], Buffer>> readers, StatefulRedisConnection<byte[], Buffer> writer) {
        boolean isOpen() {
            if (!writer.isOpen()) {
                return false;
            }
            for (StatefulRedisConnection<?, ?> reader : readers) {
                if (!reader.isOpen()) {
                    return false;
                }
            }
            return true;
        }

        void close() {
            closeOpen(writer);
            readers.forEach(Session::closeOpen);
        }

        private static void closeOpen(StatefulRedisConnection<?, ?> connection) {
            if (connection.isOpen()) {
                connection.closeAsync();
            }
        }
    }

    private final RedisURI uri;
    private final String name;
    private final int readConnections;
    private final Duration connectTimeout;
    private final Traffic traffic;
    private final ValueCodec codec;
    private final ClientResources resources;
    private final RedisClient client;
    private final AtomicReference<Session> current = new AtomicReference<>();
    /** Failures since the last answer that served a request; a store that only greets well stays suspect. */
    private volatile int failures;

    private volatile boolean closed;

    /** Tries to connect, for no longer than the connect timeout; if that fails, goes on trying in the background. */
    RedisLink(StoreProperties properties, BufferPool pool) {
        this.uri = RedisURI.create(properties.redis().toString());
        this.name = uri.toString();
        this.readConnections = properties.readConnections();
        this.connectTimeout = properties.connectTimeout();
        long maxValueBytes = properties.maxValue().toBytes();
        this.traffic = new Traffic(pool, maxValueBytes, (readConnections + 1) * (maxValueBytes + REPLY_SLACK_BYTES));
        this.codec = new ValueCodec(pool, traffic, maxValueBytes);
        uri.setTimeout(connectTimeout.multipliedBy(BACKGROUND_PATIENCE));
        this.resources = DefaultClientResources.builder()
                .ioThreadPoolSize(2)
                .computationThreadPoolSize(2)
                .nettyCustomizer(traffic)
                .build();
        this.client = RedisClient.create(resources);
        client.setOptions(ClientOptions.builder()
                .autoReconnect(false)
                .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .socketOptions(SocketOptions.builder()
                        .connectTimeout(connectTimeout)
                        .keepAlive(uri.getSocket() == null)
                        .build())
                .timeoutOptions(TimeoutOptions.builder().timeoutCommands(false).build())
                .build());
        if (!connect(connectTimeout)) {
            reconnectInBackground();
        }
    }

    Traffic traffic() {
        return traffic;
    }

    /** For logs: without a password. */
    String name() {
        return name;
    }

    /** @return null while the store is down */
    Session session() {
        Session session = current.get();
        if (session != null && !session.isOpen()) {
            failed(session, "connection lost");
            return null;
        }
        return session;
    }

    /** Cuts the connections, so that late answers cannot delay later requests. */
    void failed(Session session, String reason) {
        if (current.compareAndSet(session, null)) {
            session.close();
            if (!closed) {
                log.warn("{}: {}; requests go on without it", name, reason);
                reconnectInBackground();
            }
        }
    }

    /** A request was served. */
    void succeeded() {
        if (failures != 0) {
            failures = 0;
        }
    }

    private void reconnectInBackground() {
        Thread.ofVirtual().name("context-store-reconnect").start(() -> {
            try {
                do {
                    Thread.sleep(pause());
                } while (!closed && !connect(connectTimeout.multipliedBy(BACKGROUND_PATIENCE)));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    private Duration pause() {
        int doublings = Math.min(failures, 16);
        failures = doublings + 1;
        long millis = Math.min(FIRST_RETRY.toMillis() << doublings, LAST_RETRY.toMillis());
        // Jitter, so that many processes do not return to a store that comes back at the same instant.
        return Duration.ofMillis(ThreadLocalRandom.current().nextLong(millis / 2, millis + 1));
    }

    private boolean connect(Duration limit) {
        List<StatefulRedisConnection<byte[], Buffer>> opened = new ArrayList<>();
        try {
            long deadline = System.nanoTime() + limit.toNanos();
            for (int i = 0; i <= readConnections; i++) {
                var connecting = client.connectAsync(codec, uri).toCompletableFuture();
                try {
                    opened.add(connecting.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS));
                } catch (TimeoutException e) {
                    connecting.thenAccept(StatefulRedisConnection::closeAsync);
                    throw e;
                }
            }
            // Greets nobody while it loads its data: not a store yet.
            opened.getFirst().async().ping().get(limit.toMillis(), TimeUnit.MILLISECONDS);
            Session session = new Session(List.copyOf(opened.subList(1, opened.size())), opened.getFirst());
            current.set(session);
            if (closed) {
                current.set(null);
                session.close();
                return true;
            }
            log.info("{}: connected", name);
            return true;
        } catch (ExecutionException | TimeoutException e) {
            opened.forEach(StatefulRedisConnection::closeAsync);
            Throwable cause = e.getCause() == null ? e : e.getCause();
            log.debug("{}: not reachable", name, cause);
            if (failures <= 1) {
                log.warn("{}: not reachable ({}); contexts are computed anew until it is", name, cause.toString());
            }
            return false;
        } catch (InterruptedException e) {
            opened.forEach(StatefulRedisConnection::closeAsync);
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public void close() {
        closed = true;
        current.set(null);
        client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
        resources.shutdown(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
