package longreach.store.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.util.unit.DataSize;

class StorePropertiesTest {
    @Test
    void defaults() {
        StoreProperties properties = StoreProperties.of(Map.of());
        assertThat(properties)
                .isEqualTo(new StoreProperties(
                        URI.create("redis://127.0.0.1:6379"),
                        null,
                        Duration.ofDays(7),
                        Duration.ofMillis(500),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(2),
                        DataSize.ofMegabytes(64),
                        2,
                        DataSize.ofMegabytes(128),
                        DataSize.ofGigabytes(1),
                        null,
                        Duration.ofDays(1),
                        DataSize.ofBytes(0)));
    }

    @Test
    void everyKey() {
        StoreProperties properties = StoreProperties.of(Map.ofEntries(
                Map.entry("redis", "redis-socket:///run/r.sock"),
                Map.entry("secret-file", "/run/secret"),
                Map.entry("ttl", "1h"),
                Map.entry("stall-timeout", "2s"),
                Map.entry("lookup-timeout", "3s"),
                Map.entry("connect-timeout", "4s"),
                Map.entry("max-value", "5MB"),
                Map.entry("read-connections", "6"),
                Map.entry("max-pending", "7MB"),
                Map.entry("memory", "8MB"),
                Map.entry("ca-file", "/run/ca.pem"),
                Map.entry("scrub-every", "9h"),
                Map.entry("tenant-quota", "10GB")));
        assertThat(properties)
                .isEqualTo(new StoreProperties(
                        URI.create("redis-socket:///run/r.sock"),
                        Path.of("/run/secret"),
                        Duration.ofHours(1),
                        Duration.ofSeconds(2),
                        Duration.ofSeconds(3),
                        Duration.ofSeconds(4),
                        DataSize.ofMegabytes(5),
                        6,
                        DataSize.ofMegabytes(7),
                        DataSize.ofMegabytes(8),
                        Path.of("/run/ca.pem"),
                        Duration.ofHours(9),
                        DataSize.ofGigabytes(10)));
    }

    @Test
    void refusesNonsense() {
        for (var bad : Map.of("ttl", "0s", "read-connections", "0", "max-value", "1GB", "stall-timeout", "-1s")
                .entrySet()) {
            assertThatThrownBy(() -> StoreProperties.of(Map.of(bad.getKey(), bad.getValue())))
                    .rootCause()
                    .hasMessageContaining("context-store." + bad.getKey())
                    .hasMessageContaining("expected:");
        }
    }
}
