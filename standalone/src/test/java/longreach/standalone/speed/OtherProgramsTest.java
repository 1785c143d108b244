package longreach.standalone.speed;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class OtherProgramsTest {
    @Test
    void countsTheMachinesTicksWithAndWithoutIdleOnes() {
        String line = "cpu  100 20 30 4000 500 6 7 8 900 90";
        assertThat(OtherPrograms.machine(line, true)).hasValue(4671);
        assertThat(OtherPrograms.machine(line, false)).hasValue(171);
        assertThat(OtherPrograms.machine("", true)).isEmpty();
        assertThat(OtherPrograms.machine("intr 1 2 3 4 5 6 7 8 9", true)).isEmpty();
    }

    @Test
    void countsTheTicksOfAProcessWhoseNameHasParentheses() {
        String stat = "42 (a ) (b) S 1 1 1 0 -1 4194560 9 8 7 6 150 25 40 5 20 0 3";
        assertThat(OtherPrograms.process(stat, false)).hasValue(175);
        assertThat(OtherPrograms.process(stat, true)).hasValue(220);
        assertThat(OtherPrograms.process("42 (a) S 1", true)).isEmpty();
    }

    @Test
    void tellsAShareThatIsNeverBelowNone() {
        assertThat(OtherPrograms.share(400, 100)).isEqualTo(0.25);
        assertThat(OtherPrograms.share(400, -1)).isZero();
        assertThat(OtherPrograms.share(0, 0)).isZero();
    }
}
