package longreach.store.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import longreach.store.api.ArtifactLookup;
import longreach.store.api.Digest;
import longreach.store.api.Tenant;
import org.junit.jupiter.api.Test;

class MemoryContextStoreTest {
    private final AtomicLong millis = new AtomicLong(1_000);
    private final MemoryContextStore store =
            new MemoryContextStore(100, 0, () -> java.time.Instant.ofEpochMilli(millis.get()));
    private final Tenant tenant = store.tenant("t");

    @Test
    void leastRecentlyUsedGoesFirst() {
        put(1, 40);
        put(2, 40);
        assertThat(has(1)).isTrue();
        put(3, 40);
        assertThat(has(1)).isTrue();
        assertThat(has(2)).isFalse();
        assertThat(has(3)).isTrue();
        assertThat(store.stats(Optional.empty()).usedBytes()).isEqualTo(80);
    }

    @Test
    void replacingCountsOnce() {
        put(1, 60);
        put(1, 50);
        assertThat(store.stats(Optional.empty()).usedBytes()).isEqualTo(50);
    }

    @Test
    void valuesExpire() {
        store.putArtifact(tenant, digest(1), new byte[10], Duration.ofSeconds(5));
        millis.addAndGet(4_999);
        assertThat(has(1)).isTrue();
        millis.addAndGet(1);
        assertThat(has(1)).isFalse();
        assertThat(store.stats(Optional.empty()).usedBytes()).isZero();
    }

    @Test
    void whatCannotFitIsRefused() {
        assertThat(store.putArtifact(tenant, digest(1), new byte[101], Duration.ZERO))
                .isFalse();
    }

    private void put(int number, int bytes) {
        assertThat(store.putArtifact(tenant, digest(number), new byte[bytes], Duration.ZERO))
                .isTrue();
    }

    private boolean has(int number) {
        return store.getArtifact(tenant, digest(number)) instanceof ArtifactLookup.Hit;
    }

    private static Digest digest(int number) {
        return new Digest(0, 0, 0, number);
    }
}
