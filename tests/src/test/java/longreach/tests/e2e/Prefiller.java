package longreach.tests.e2e;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.Map;
import longreach.lm.engine.ContextBench;
import longreach.lm.engine.GenerateRequest.CacheMode;
import longreach.lm.model.Precision;
import longreach.store.config.StoreConfiguration;
import longreach.store.config.StoreProperties;
import longreach.tensor.kernel.KernelSelector;

/** A process that computes one context, leaves it in Redis, prints its answer and ends. */
final class Prefiller {
    static final int TOKENS = 1100;
    static final int CONTEXT = 7;

    private Prefiller() {}

    static StoreProperties properties(String redis, Path secret) {
        return StoreProperties.of(Map.of(
                "redis", redis, "secret-file", secret.toString(), "stall-timeout", "10s", "connect-timeout", "10s"));
    }

    /** @param arguments the Redis, and the file of the deployment's secret */
    public static void main(String[] arguments) throws Exception {
        var kernels = KernelSelector.select(1);
        try (var store = StoreConfiguration.open(
                        properties(arguments[0], Path.of(arguments[1])), new SimpleMeterRegistry());
                var bench = ContextBench.synthetic(TOKENS, kernels, Precision.FAST, store, 64L << 20)) {
            var asked = bench.ask(TOKENS, CONTEXT, 0, CacheMode.READ_WRITE);
            bench.published();
            System.out.println(asked.answer());
        } finally {
            kernels.pool().close();
        }
    }
}
