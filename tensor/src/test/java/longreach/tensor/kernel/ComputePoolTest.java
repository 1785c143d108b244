package longreach.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ComputePoolTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void everyChunkRunsOnceInEveryJob(int threads) {
        try (ComputePool pool = new ComputePool(threads)) {
            for (int job = 0; job < 2000; job++) {
                int chunks = job % 17;
                var runs = new AtomicIntegerArray(17);
                pool.forEach(chunks, (chunk, thread) -> {
                    assertThat(thread).isBetween(0, threads - 1);
                    runs.incrementAndGet(chunk);
                });
                for (int i = 0; i < 17; i++) {
                    assertThat(runs.get(i)).as("job %d chunk %d", job, i).isEqualTo(i < chunks ? 1 : 0);
                }
            }
        }
    }

    @Test
    void everyPartRunsOnce() {
        try (ComputePool pool = new ComputePool(3)) {
            var runs = new AtomicIntegerArray(3);
            pool.run((part, parts) -> {
                assertThat(parts).isEqualTo(3);
                runs.incrementAndGet(part);
            });
            assertThat(runs.toString()).isEqualTo("[1, 1, 1]");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void jobsInsideAJobStayOnItsThread(int threads) {
        try (ComputePool pool = new ComputePool(threads)) {
            var runs = new AtomicIntegerArray(20);
            pool.forEach(20, (outer, thread) -> {
                Thread own = Thread.currentThread();
                assertThat(pool.thread()).isEqualTo(thread);
                pool.forEach(5, (inner, same) -> {
                    assertThat(Thread.currentThread()).isSameAs(own);
                    assertThat(same).isEqualTo(thread);
                    runs.incrementAndGet(outer);
                });
            });
            for (int i = 0; i < 20; i++) {
                assertThat(runs.get(i)).isEqualTo(5);
            }
            var after = new AtomicIntegerArray(9);
            pool.forEach(9, (chunk, thread) -> after.incrementAndGet(chunk));
            assertThat(after.toString()).isEqualTo("[1, 1, 1, 1, 1, 1, 1, 1, 1]");
        }
    }

    @Test
    void failureReachesTheCallerAndThePoolGoesOn() {
        try (ComputePool pool = new ComputePool(2)) {
            assertThatThrownBy(() -> pool.forEach(8, (chunk, thread) -> {
                        if (chunk == 5) {
                            throw new IllegalArgumentException("chunk five");
                        }
                    }))
                    .hasMessage("compute job failed")
                    .hasRootCauseMessage("chunk five");
            var runs = new AtomicIntegerArray(8);
            pool.forEach(8, (chunk, thread) -> runs.incrementAndGet(chunk));
            assertThat(runs.toString()).isEqualTo("[1, 1, 1, 1, 1, 1, 1, 1]");
        }
    }

    @Test
    void needsAThread() {
        assertThatThrownBy(() -> new ComputePool(0)).hasMessage("threads: 0 (expected: at least 1)");
    }
}
