package longreach.standalone.speed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.OptionalLong;
import longreach.standalone.speed.SpeedCase.Decode;
import longreach.standalone.speed.SpeedCase.Prefill;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The table's arithmetic, and both ways to llama.cpp with scripts in its place. */
class SpeedTest {
    @TempDir
    Path directory;

    private record Fixed(String name, OptionalLong peakBytes) implements Side {
        @Override
        public String details() {
            return "d";
        }

        @Override
        public double measure(SpeedCase what, int decodeTokens) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() {}
    }

    @Test
    void ratioIsOfMediansAgainstTheBestOther() {
        var own = new Fixed("own", OptionalLong.of(500_000_000));
        var slow = new Fixed("slow", OptionalLong.empty());
        var quick = new Fixed("quick", OptionalLong.empty());
        var table = new SpeedTable(List.of(own, slow, quick));
        var what = new Prefill(512);
        for (double speed : new double[] {10, 300, 90}) {
            table.add(what, own, speed);
        }
        for (double speed : new double[] {20, 40}) {
            table.add(what, slow, speed);
            table.add(what, quick, speed * 1.5);
        }
        assertThat(table.rate(what, own)).isEqualTo(new SpeedTable.Rate(90, 10, 300, List.of(10.0, 300.0, 90.0)));
        assertThat(table.rate(what, slow).median()).isEqualTo(30);
        assertThat(table.ratio(what)).hasValue(2);
        assertThat(table.text())
                .contains("[1] own: d, peak memory 500 MB", "[2] slow: d, peak memory unknown")
                .containsPattern(
                        "prefill 512 +90.0 \\(10.0-300.0\\) +30.0 \\(20.0-40.0\\) +45.0 \\(30.0-60.0\\) +2.00");
        assertThat(table.json().at("/cases/0/tokensPerSecond/0/rounds").size()).isEqualTo(3);
        assertThat(table.json().at("/sides/0/peakBytes").longValue()).isEqualTo(500_000_000);
    }

    @Test
    void aSideAloneHasNoRatio() {
        var own = new Fixed("own", OptionalLong.empty());
        var table = new SpeedTable(List.of(own));
        table.add(new Decode(0), own, 5);
        assertThat(table.ratio(new Decode(0))).isEmpty();
        assertThat(table.text()).contains("decode at 0", "5.0 (5.0-5.0)");
    }

    @Test
    void theWorkerIsToldWhatToEvaluate() throws Exception {
        Path told = directory.resolve("told");
        Path python = script("python", """
                echo "$2 $3 $4 $5" >> %1$s
                echo ready 0.1
                while read line; do
                  echo "$line" >> %1$s
                  echo 0.25
                done
                """.formatted(told));
        try (var side = new LlamaPython(python.toString(), Path.of("m.gguf"), 2, 700, true)) {
            assertThat(side.details()).isEqualTo("0.1, flash attention on");
            assertThat(side.measure(new Prefill(512), 32)).isCloseTo(2048, within(1e-9));
            assertThat(side.measure(new Decode(0), 32)).isCloseTo(128, within(1e-9));
            side.measure(new Decode(600), 32);
            side.measure(new Decode(600), 32);
        }
        assertThat(told).hasContent("""
                        m.gguf 2 700 1
                        prefill 512
                        prefill 1
                        decode 32
                        prefill 600
                        decode 32
                        decode 32
                        """);
    }

    @Test
    void aWorkerThatEndsIsAnError() throws Exception {
        Path atOnce = script("ends", "exit 1");
        assertThatThrownBy(() -> new LlamaPython(atOnce.toString(), Path.of("m.gguf"), 1, 8, false))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("llama.cpp ended at 'loading the model'");
        Path later = script("later", "echo ready 0.1; read line; exit 1");
        try (var side = new LlamaPython(later.toString(), Path.of("m.gguf"), 1, 8, false)) {
            assertThatThrownBy(() -> side.measure(new Prefill(4), 1)).hasMessageContaining("ended at 'prefill 4'");
        }
    }

    @Test
    void llamaBenchIsAskedForOneTest() throws Exception {
        Path told = directory.resolve("told");
        Path binary = script("llama-bench", """
                echo "$@" > %s
                echo '[ { "build_commit": "abc", "build_number": 7, "avg_ts": 123.5 } ]'
                """.formatted(told));
        try (var side = new LlamaBenchBinary(binary, Path.of("m.gguf"), 3, false)) {
            assertThat(side.measure(new Decode(4096), 32)).isEqualTo(123.5);
            assertThat(told)
                    .content()
                    .contains("-m m.gguf -t 3")
                    .contains("-fa 0")
                    .contains("-p 0 -n 32 -d 4096");
            side.measure(new Prefill(512), 32);
            assertThat(told).content().contains("-p 512 -n 0");
            assertThat(side.details()).isEqualTo("llama-bench abc 7, flash attention off");
        }
        Path broken = script("broken", "exit 3");
        try (var side = new LlamaBenchBinary(broken, Path.of("m.gguf"), 3, false)) {
            assertThatThrownBy(() -> side.measure(new Prefill(4), 1)).hasMessageContaining("exit code 3");
        }
        Path other = script("other", "echo '[]'");
        try (var side = new LlamaBenchBinary(other, Path.of("m.gguf"), 3, false)) {
            assertThatThrownBy(() -> side.measure(new Prefill(4), 1)).hasMessageContaining("no avg_ts");
        }
    }

    private Path script(String name, String body) throws IOException {
        Path path = Files.writeString(directory.resolve(name), "#!/bin/sh\n" + body);
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
        return path;
    }
}
