package longreach.store.redis;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SslOptions;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * Where a store's Redis is: one server, or some of those of a cluster, from which the others are learnt.
 *
 * @param uris of one server, or of at least one of a cluster
 */
record RedisAddress(List<RedisURI> uris, boolean cluster) {
    private static final String CLUSTER = "-cluster";

    /**
     * @param redis {@code redis}, {@code rediss} or {@code redis-socket} for a server, {@code redis-cluster} or
     *     {@code rediss-cluster} for a cluster, whose hosts are separated by commas
     * @throws IllegalArgumentException when it is something else
     */
    static RedisAddress of(URI redis, Duration timeout) {
        String scheme = redis.getScheme();
        if (scheme == null || !scheme.endsWith(CLUSTER)) {
            return new RedisAddress(List.of(uri(redis.toString(), timeout)), false);
        }
        String authority = String.valueOf(redis.getRawAuthority());
        int at = authority.lastIndexOf('@') + 1;
        String prefix = scheme.substring(0, scheme.length() - CLUSTER.length()) + "://" + authority.substring(0, at);
        String suffix = redis.getRawQuery() == null ? "" : "?" + redis.getRawQuery();
        return new RedisAddress(
                Arrays.stream(authority.substring(at).split(","))
                        .map(host -> uri(prefix + host + suffix, timeout))
                        .toList(),
                true);
    }

    private static RedisURI uri(String text, Duration timeout) {
        RedisURI uri = RedisURI.create(text);
        uri.setTimeout(timeout);
        return uri;
    }

    RedisURI first() {
        return uris.getFirst();
    }

    /** For logs: without a password. */
    String name() {
        return cluster ? "cluster of " + first() : first().toString();
    }

    /** @param certificates whom to trust, PEM; null: whom the JVM trusts */
    static void trust(ClientOptions.Builder options, Path certificates) {
        if (certificates != null) {
            options.sslOptions(
                    SslOptions.builder().trustManager(certificates.toFile()).build());
        }
    }
}
