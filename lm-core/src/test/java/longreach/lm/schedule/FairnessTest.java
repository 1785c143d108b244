package longreach.lm.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class FairnessTest {
    @Test
    void tenantsTakeTurns() {
        var queue = new FairQueue<String>(6);
        for (String item : List.of("a1", "a2", "a3", "b1", "c1", "b2")) {
            assertThat(queue.offer(item.substring(0, 1), item)).isTrue();
        }
        assertThat(queue.offer("d", "d1")).isFalse();
        assertThat(queue.peek()).isEqualTo("a1");
        assertThat(queue.poll()).isEqualTo("a1");
        assertThat(queue.removeIf("a2"::equals)).containsExactly("a2");
        assertThat(List.of(queue.poll(), queue.poll(), queue.poll(), queue.poll()))
                .containsExactly("b1", "c1", "a3", "b2");
        assertThat(queue.poll()).isNull();
        assertThat(queue.size()).isZero();
    }

    @Test
    void prefillGoesToWhoWaitedLongest() {
        var turns = new PrefillTurns();
        List<String> sequences = List.of("a1", "a2", "b1");
        assertThat(turns.order(sequences, s -> s.substring(0, 1))).containsExactly("a1", "b1", "a2");
        turns.served("a");
        assertThat(turns.order(sequences, s -> s.substring(0, 1))).containsExactly("b1", "a1", "a2");
        turns.served("b");
        assertThat(turns.order(sequences, s -> s.substring(0, 1))).containsExactly("a1", "b1", "a2");
    }
}
