package longreach.store.config;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import longreach.store.api.ContextStore;
import longreach.store.codec.StoreSecret;
import longreach.store.memory.MemoryContextStore;
import longreach.store.redis.RedisContextStore;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** The store as a bean, for the control service and for lm-core, which import this. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(StoreProperties.class)
public class StoreConfiguration {
    @Bean(destroyMethod = "close")
    ContextStore contextStore(StoreProperties properties, ObjectProvider<MeterRegistry> registry) throws IOException {
        return open(properties, registry.getIfAvailable(SimpleMeterRegistry::new));
    }

    /**
     * Opens the store that the settings name. A Redis that cannot be reached is no error.
     *
     * @throws IOException if the secret can be neither read nor made
     */
    public static ContextStore open(StoreProperties properties, MeterRegistry registry) throws IOException {
        if ("memory".equals(properties.redis().getScheme())) {
            return new MemoryContextStore(
                    properties.memory().toBytes(), properties.tenantQuota().toBytes());
        }
        StoreSecret secret = properties.secretFile() == null
                ? StoreSecret.random()
                : StoreSecret.loadOrCreate(properties.secretFile());
        return new RedisContextStore(properties, secret, registry);
    }
}
