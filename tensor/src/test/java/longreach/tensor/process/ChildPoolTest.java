package longreach.tensor.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What happens to one request when its child misbehaves, and that the next one does not notice. */
class ChildPoolTest {
    @TempDir
    Path directory;

    private final ChildPool pool =
            new ChildPool(TrialChild.class, new ChildLimits(32L << 20, 1L << 30, Duration.ofSeconds(2), 1 << 16, 2));

    @AfterEach
    void close() {
        pool.close();
    }

    private Child start(String request) throws Exception {
        Child child = pool.take();
        child.send(Files.writeString(directory.resolve("file"), "x"), request.getBytes(StandardCharsets.UTF_8));
        return child;
    }

    private ChildException failure(String request) throws Exception {
        try (Child child = start(request)) {
            return catchThrowableOfType(ChildException.class, () -> {
                while (true) {
                    child.receive();
                }
            });
        }
    }

    private void assertServes() throws Exception {
        try (Child child = start("echo")) {
            for (int i = 0; i < 100; i++) {
                assertThat(child.receive().body().getInt()).isEqualTo(i);
            }
            assertThatThrownBy(child::receive)
                    .isInstanceOf(ChildException.class)
                    .hasMessageContaining("exit code 0");
        }
    }

    @Test
    void messagesComeInOrderAndThenTheEnd() throws Exception {
        assertServes();
    }

    @Test
    void aCrashEndsOneRequest() throws Exception {
        ChildException crash = failure("crash");
        assertThat(crash.kind()).isEqualTo(ChildException.Cause.DIED);
        assertThat(crash).hasMessageMatching("ended by signal \\d+|exit code [1-9]\\d*");
        assertServes();
    }

    @Test
    void whatItThrowsIsNamedAndNotQuoted() throws Exception {
        ChildException thrown = failure("throw");
        assertThat(thrown.kind()).isEqualTo(ChildException.Cause.DIED);
        assertThat(thrown).hasMessage("java.lang.IllegalStateException");
    }

    @Test
    void aHangIsEndedWhenItHasBeenSilentForTooLong() throws Exception {
        ChildException hang = failure("hang");
        assertThat(hang.kind()).isEqualTo(ChildException.Cause.SILENT);
    }

    @Test
    void slowIsNotSilent() throws Exception {
        try (Child child = start("busy")) {
            assertThat(child.receive().kind()).isEqualTo(41);
        }
    }

    @Test
    void theHeapHasALimit() throws Exception {
        assertThat(failure("heap").kind()).isEqualTo(ChildException.Cause.DIED);
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "this system has no limit of a process's data")
    void nativeMemoryHasALimit() throws Exception {
        assertThat(failure("native").kind()).isEqualTo(ChildException.Cause.DIED);
        assertServes();
    }

    @Test
    void garbageIsNoMessage() throws Exception {
        assertThat(failure("garbage").kind()).isEqualTo(ChildException.Cause.BROKEN);
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "this system has no filter of system calls")
    void itOpensNothingAndReachesNobody() throws Exception {
        try (Child child = start("rights")) {
            String answers =
                    StandardCharsets.UTF_8.decode(child.receive().body()).toString();
            assertThat(answers.lines().filter(line -> line.matches("(read|write|socket|program) .*")))
                    .hasSize(4)
                    .allMatch(line -> line.contains("not permitted"), answers);
        }
        assertThat(Path.of("/tmp/trial")).doesNotExist();
    }

    @Test
    void itsEnvironmentHoldsNoSecrets() throws Exception {
        try (Child child = start("environment")) {
            String names = StandardCharsets.UTF_8.decode(child.receive().body()).toString();
            assertThat(names.split(" "))
                    .isSubsetOf(
                            "PATH",
                            "HOME",
                            "TMPDIR",
                            "USER",
                            "LC_ALL",
                            "MALLOC_ARENA_MAX",
                            "PWD",
                            "SHLVL",
                            "_",
                            "OLDPWD");
        }
    }

    @Test
    void closingKillsItAtOnce() throws Exception {
        Child child = start("hang");
        child.receive();
        ProcessHandle process = ProcessHandle.of(child.pid()).orElseThrow();
        child.close();
        process.onExit().get(30, TimeUnit.SECONDS);
        assertThat(process.isAlive()).isFalse();
    }

    @Test
    void interruptingItsReaderKillsIt() throws Exception {
        Child child = start("busy");
        ProcessHandle process = ProcessHandle.of(child.pid()).orElseThrow();
        Thread.currentThread().interrupt();
        ChildException interrupted = catchThrowableOfType(ChildException.class, child::receive);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(interrupted.kind()).isEqualTo(ChildException.Cause.INTERRUPTED);
        process.onExit().get(30, TimeUnit.SECONDS);
    }

    @Test
    void placesComeBack() throws Exception {
        for (int i = 0; i < 4; i++) {
            try (Child first = start("echo");
                    Child second = start("echo")) {
                assertThat(first.receive().kind()).isEqualTo(40);
                assertThat(second.receive().kind()).isEqualTo(40);
            }
        }
    }
}
