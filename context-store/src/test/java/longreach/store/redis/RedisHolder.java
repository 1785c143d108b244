package longreach.store.redis;

import java.io.IOException;
import java.nio.file.Path;

/** A process of its own that holds an embedded Redis until its input ends. */
final class RedisHolder {
    private RedisHolder() {}

    /** Prints the URI and the server's process id, or the refusal. */
    public static void main(String[] arguments) throws IOException {
        try (EmbeddedRedis redis = EmbeddedRedis.start(Path.of(arguments[0]), 64L << 20)) {
            System.out.println(redis.uri() + " " + redis.server().orElseThrow().pid());
            System.in.read();
        } catch (DataDirectoryInUseException e) {
            System.out.println(e.getMessage());
        }
    }
}
