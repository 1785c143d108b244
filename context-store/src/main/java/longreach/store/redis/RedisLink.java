package longreach.store.redis;

import io.lettuce.core.AbstractRedisClient;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import io.lettuce.core.resource.Delay;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
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

    /** A node that was replaced without telling anybody is found so. */
    private static final Duration TOPOLOGY_REFRESH = Duration.ofSeconds(30);

    private static final int REPLY_SLACK_BYTES = 1 << 20;

    /** One set of connections, used until the first of them fails. */
    record Session(List<Wire> readers, Wire writer) {
        boolean isOpen() {
            if (!writer.isOpen()) {
                return false;
            }
            for (Wire reader : readers) {
                if (!reader.isOpen()) {
                    return false;
                }
            }
            return true;
        }

        void close() {
            writer.close();
            readers.forEach(Wire::close);
        }
    }

    /** A connection to a server, or one to each of a cluster's. */
    record Wire(StatefulConnection<byte[], Buffer> connection, RedisClusterAsyncCommands<byte[], Buffer> async) {
        boolean isOpen() {
            return connection.isOpen();
        }

        void close() {
            if (connection.isOpen()) {
                connection.closeAsync();
            }
        }
    }

    private final RedisAddress address;
    private final String name;
    private final int readConnections;
    private final Duration connectTimeout;
    private final Traffic traffic;
    private final ValueCodec codec;
    private final ClientResources resources;
    private final AbstractRedisClient client;
    private final AtomicReference<Session> current = new AtomicReference<>();
    /** Failures since the last answer that served a request; a store that only greets well stays suspect. */
    private volatile int failures;

    private volatile boolean closed;

    /** Tries to connect, for no longer than the connect timeout; if that fails, goes on trying in the background. */
    RedisLink(StoreProperties properties, BufferPool pool) {
        this.address =
                RedisAddress.of(properties.redis(), properties.connectTimeout().multipliedBy(BACKGROUND_PATIENCE));
        this.name = address.name();
        this.readConnections = properties.readConnections();
        this.connectTimeout = properties.connectTimeout();
        long maxValueBytes = properties.maxValue().toBytes();
        this.traffic = new Traffic(pool, maxValueBytes, (readConnections + 1) * (maxValueBytes + REPLY_SLACK_BYTES));
        this.codec = new ValueCodec(pool, traffic, maxValueBytes);
        this.resources = DefaultClientResources.builder()
                .ioThreadPoolSize(2)
                .computationThreadPoolSize(2)
                .nettyCustomizer(traffic)
                .reconnectDelay(Delay.exponential(FIRST_RETRY, LAST_RETRY, 2, TimeUnit.MILLISECONDS))
                .build();
        this.client = client(properties.caFile());
        if (!connect(connectTimeout)) {
            reconnectInBackground();
        }
    }

    private AbstractRedisClient client(Path certificates) {
        SocketOptions socket = SocketOptions.builder()
                .connectTimeout(connectTimeout)
                .keepAlive(address.first().getSocket() == null)
                .build();
        TimeoutOptions noTimeouts =
                TimeoutOptions.builder().timeoutCommands(false).build();
        if (!address.cluster()) {
            ClientOptions.Builder options = ClientOptions.builder()
                    .autoReconnect(false)
                    .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                    .socketOptions(socket)
                    .timeoutOptions(noTimeouts);
            RedisAddress.trust(options, certificates);
            RedisClient single = RedisClient.create(resources);
            single.setOptions(options.build());
            return single;
        }
        // Connections to nodes are made when a key first needs them, and again after they broke: commands wait for
        // that,
        // no longer than the stall timeout. Of a node that refuses, commands fail at once.
        ClusterClientOptions.Builder options = ClusterClientOptions.builder()
                .socketOptions(socket)
                .timeoutOptions(noTimeouts)
                .topologyRefreshOptions(ClusterTopologyRefreshOptions.builder()
                        .enableAllAdaptiveRefreshTriggers()
                        .enablePeriodicRefresh(TOPOLOGY_REFRESH)
                        .build());
        RedisAddress.trust(options, certificates);
        RedisClusterClient cluster = RedisClusterClient.create(resources, address.uris());
        cluster.setOptions(options.build());
        return cluster;
    }

    private CompletableFuture<Wire> connectOne() {
        return switch (client) {
            case RedisClusterClient cluster ->
                // Who has which slots must be known first, and finding that out waits.
                CompletableFuture.runAsync(cluster::getPartitions, Thread::startVirtualThread)
                        .thenCompose(known -> cluster.connectAsync(codec))
                        .thenApply(connection -> new Wire(connection, connection.async()));
            case RedisClient single ->
                single.connectAsync(codec, address.first())
                        .toCompletableFuture()
                        .thenApply(connection -> new Wire(connection, connection.async()));
            default -> throw new IllegalStateException("client: " + client.getClass() + " (expected: one made here)");
        };
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

    /**
     * A connection broke, or was refused. Of a cluster that is one node, whose place another takes, or which comes back:
     * the others go on.
     */
    void connectionFailed(Session session, String reason) {
        if (address.cluster()) {
            log.debug("{}: {}", name, reason);
        } else {
            failed(session, reason);
        }
    }

    /** Whether a broken connection says nothing of the others. */
    boolean hasOthers() {
        return address.cluster();
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
        List<Wire> opened = new ArrayList<>();
        try {
            long deadline = System.nanoTime() + limit.toNanos();
            for (int i = 0; i <= readConnections; i++) {
                CompletableFuture<Wire> connecting = connectOne();
                try {
                    opened.add(connecting.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS));
                } catch (TimeoutException e) {
                    connecting.thenAccept(Wire::close);
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
            opened.forEach(Wire::close);
            Throwable cause = e.getCause() == null ? e : e.getCause();
            log.debug("{}: not reachable", name, cause);
            if (failures <= 1) {
                log.warn("{}: not reachable ({}); contexts are computed anew until it is", name, cause.toString());
            }
            return false;
        } catch (InterruptedException e) {
            opened.forEach(Wire::close);
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
