package longreach.standalone.speed;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import longreach.standalone.speed.SpeedCase.Decode;
import longreach.standalone.speed.SpeedCase.Prefill;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** llama.cpp's own llama-bench: started anew for each measurement, so filling a deep context takes its time each round. */
public final class LlamaBenchBinary implements Side {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final long POLL_MILLIS = 20;

    private final Path binary;
    private final Path gguf;
    private final int threads;
    private final boolean flashAttention;
    private String build = "llama-bench";
    private long peak;

    public LlamaBenchBinary(Path binary, Path gguf, int threads, boolean flashAttention) {
        this.binary = binary;
        this.gguf = gguf;
        this.threads = threads;
        this.flashAttention = flashAttention;
    }

    @Override
    public String name() {
        return "llama.cpp";
    }

    @Override
    public String details() {
        return build + ", flash attention " + (flashAttention ? "on" : "off");
    }

    @Override
    public double measure(SpeedCase what, int decodeTokens) throws IOException, InterruptedException {
        return switch (what) {
            case Prefill prompt -> run("-p", Integer.toString(prompt.tokens()), "-n", "0");
            case Decode at -> run("-p", "0", "-n", Integer.toString(decodeTokens), "-d", Integer.toString(at.depth()));
        };
    }

    private double run(String... test) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of(
                binary.toString(),
                "-m",
                gguf.toString(),
                "-t",
                Integer.toString(threads),
                "-b",
                "512",
                "-ub",
                "512",
                "-fa",
                flashAttention ? "1" : "0",
                "-ngl",
                "0",
                "-r",
                "1",
                "-o",
                "json"));
        command.addAll(List.of(test));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            var output = new String[1];
            // Its few lines fit in the pipe, but a reader of its own leaves that to nobody's luck.
            var reader = Thread.ofVirtual()
                    .start(() -> output[0] = process.inputReader().lines().reduce("", String::concat));
            while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                peak = Math.max(peak, PeakMemory.of(process.pid()).orElse(0));
            }
            reader.join();
            if (process.exitValue() != 0) {
                throw new IOException(
                        binary + ": exit code " + process.exitValue() + " (try: " + String.join(" ", command) + ")");
            }
            JsonNode result = JSON.readTree(output[0]).path(0);
            build = "llama-bench " + result.path("build_commit").asString("") + " "
                    + result.path("build_number").asString("");
            double speed = result.path("avg_ts").asDouble(0);
            if (!(speed > 0)) {
                throw new IOException(binary + ": no avg_ts in what it printed (expected: llama-bench's JSON)");
            }
            return speed;
        } finally {
            process.destroy();
        }
    }

    @Override
    public OptionalLong peakBytes() {
        return peak == 0 ? OptionalLong.empty() : OptionalLong.of(peak);
    }

    @Override
    public void close() {
        // Nothing of it runs between two measurements.
    }
}
