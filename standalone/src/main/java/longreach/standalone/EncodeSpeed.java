package longreach.standalone;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import longreach.audio.AudioEncoderProperties;
import longreach.audio.AudioEngine;
import longreach.audio.decode.AudioTrack;
import longreach.audio.decode.Clip;
import longreach.audio.feature.LogMel;
import longreach.audio.transcript.TranscriptCounts;
import longreach.audio.transcript.TranscriptSegment;
import longreach.audio.transcript.TranscriptSink;
import longreach.standalone.speed.FasterWhisper;
import longreach.standalone.speed.MovingPicture;
import longreach.standalone.speed.PeakMemory;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.process.ChildException;
import longreach.tensor.weights.ModelCache;
import longreach.vision.media.MediaException;
import longreach.vision.video.FrameSource;
import longreach.vision.video.FrameWalk;
import org.springframework.util.unit.DataSize;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** How many times faster than it plays a video or a recording is taken in, and in how much memory. */
@Command(
        name = "encode",
        description =
                "Frames of a video, features and transcript of a recording, in times real time, and their memory.",
        footer = {
            "",
            "Without --video one is made: 1280 x 720, 30 frames a second, H.264, a texture that scrolls. Frames come"
                    + " through the confined process, as the service takes them. faster-whisper transcribes the same"
                    + " recording with the same weights, greedily and in f32, in turn."
        })
final class EncodeSpeed implements Callable<Integer> {
    private static final int LONGEST_SIDE = 640;
    private static final long MEMORY_AFTER_MILLIS = 60_000;
    private static final long CHILD_BYTES = 2L << 30;

    @Option(names = "--video", paramLabel = "FILE", description = "An MP4, instead of one that is made.")
    private Path video;

    @Option(
            names = "--minutes",
            paramLabel = "N",
            description = "Length of the video that is made; 0: no video (default: ${DEFAULT-VALUE}).")
    private int minutes = 2;

    @Option(
            names = "--fps",
            paramLabel = "N",
            description = "Frames a second that are taken (default: ${DEFAULT-VALUE}).")
    private double fps = 1;

    @Option(names = "--audio", paramLabel = "FILE", description = "A recording (default: the sample talk); none: none.")
    private String audio = "";

    @Option(names = "--model", paramLabel = "NAME", description = "Speech model (default: ${DEFAULT-VALUE}).")
    private String model = "whisper-tiny.en";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Option(names = "--precision", paramLabel = "f32|fast", description = "Default: ${DEFAULT-VALUE}.")
    private String precision = "f32";

    @Option(names = "--rounds", paramLabel = "N", description = "Rounds that count (default: ${DEFAULT-VALUE}).")
    private int rounds = 3;

    @Option(
            names = "--warm",
            paramLabel = "N",
            description =
                    "Rounds of the transcript that do not count, while the JVM compiles (default: ${DEFAULT-VALUE}).")
    private int warm = 2;

    @Option(names = "--against", paramLabel = "faster-whisper", description = "Measure this too, in turn.")
    private String against = "";

    @Option(
            names = "--python",
            paramLabel = "PYTHON",
            description = "A Python that has faster-whisper (default: ${DEFAULT-VALUE}).")
    private String python = "python3";

    @Option(names = "--json", description = "Print one JSON object, every round too, instead of text.")
    private boolean json;

    private final tools.jackson.databind.node.ObjectNode out = GeminiClient.JSON.createObjectNode();

    @Override
    public Integer call() {
        check();
        try {
            if (video != null || minutes > 0) {
                frames();
            }
            if (!audio.equals("none")) {
                Path recording = audio.isEmpty() ? Samples.find().file("talk.mp4") : Path.of(audio);
                if (!Files.isRegularFile(recording)) {
                    throw CommandException.usage("--audio: " + audio + " (expected: a file, or none)");
                }
                features();
                transcripts(recording);
            }
        } catch (IOException e) {
            throw CommandException.failed(e.getMessage(), e);
        }
        if (json) {
            System.out.println(
                    GeminiClient.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(out));
        }
        return 0;
    }

    private void check() {
        if (!against.isEmpty() && !against.equals("faster-whisper")) {
            throw CommandException.usage("--against: " + against + " (expected: faster-whisper)");
        }
        if (!precision.equals("f32") && !precision.equals("fast")) {
            throw CommandException.usage("--precision: " + precision + " (expected: f32 or fast)");
        }
        if (rounds < 1 || warm < 0 || minutes < 0 || minutes > 720 || threads < 0) {
            throw CommandException.usage("--rounds, --warm, --minutes, --threads: " + rounds + ", " + warm + ", "
                    + minutes + ", " + threads + " (expected: at least 1, at least 0, 0 to 720, at least 0)");
        }
        if (!(fps > 0 && fps <= 24)) {
            throw CommandException.usage("--fps: " + fps + " (expected: 0 < fps <= 24)");
        }
        if (video != null && !Files.isRegularFile(video)) {
            throw CommandException.usage("--video: " + video + " (expected: an MP4 file)");
        }
    }

    /** Resident bytes along one pass over a video: early, once a minute has been decoded, and the most afterwards. */
    private static final class Memory {
        private long early;
        private long most;

        void at(long millis, long pid) {
            long now = PeakMemory.now(pid).orElse(0);
            if (millis <= MEMORY_AFTER_MILLIS) {
                early = Math.max(early, now);
            } else {
                most = Math.max(most, now);
            }
        }

        String text() {
            return most == 0 ? mib(early) : mib(early) + " in the first minute, " + mib(most) + " later";
        }

        void json(tools.jackson.databind.node.ObjectNode node, String name) {
            node.put(name + "FirstMinute", early).put(name + "Later", most);
        }
    }

    private void frames() throws IOException {
        Path file = video;
        if (file == null) {
            file = Files.createTempFile("longreach-bench", ".mp4");
        }
        try (var decoders = FrameSource.pool(CHILD_BYTES, Duration.ofSeconds(60), 100_000_000, 1)) {
            if (video == null) {
                MovingPicture.write(file, minutes * 60);
            }
            decoders.warm();
            double[] times = new double[rounds];
            var child = new Memory();
            var service = new Memory();
            long self = ProcessHandle.current().pid();
            long[] last = new long[1];
            FrameWalk.Walked walked = null;
            for (int round = 0; round < rounds; round++) {
                long began = System.nanoTime();
                walked = FrameWalk.over(decoders, file, 1000 / fps, LONGEST_SIDE, true, (millis, pid) -> {
                    child.at(millis, pid);
                    service.at(millis, self);
                    last[0] = millis;
                });
                times[round] = (System.nanoTime() - began) / 1e9;
            }
            double length = last[0] / 1000.0;
            var node = out.putObject("video");
            node.put("seconds", length).put("framesSeen", walked.seen()).put("framesKept", walked.kept());
            double bitRate = Files.size(file) * 8 / Math.max(1, length);
            node.put("bitsPerSecond", bitRate);
            var what = String.format(
                    Locale.ROOT,
                    "frames of a video of %.0f kbit/s, %d seen, %d sent",
                    bitRate / 1000,
                    walked.seen(),
                    walked.kept());
            report(node, what, length, times);
            child.json(node, "decoderBytes");
            service.json(node, "serviceBytes");
            if (!json) {
                System.out.println("  memory: decoder " + child.text() + "; service " + service.text());
            }
        } catch (MediaException | ChildException e) {
            throw new IOException(e.getMessage(), e);
        } finally {
            if (video == null) {
                Files.deleteIfExists(file);
            }
        }
    }

    private void features() {
        var mel = new LogMel(80);
        float[] samples = new float[LogMel.WINDOW_SAMPLES];
        var random = new java.util.SplittableRandom(1);
        for (int i = 0; i < samples.length; i++) {
            samples[i] = (float) (random.nextDouble() - 0.5);
        }
        float[] features = new float[LogMel.FRAMES * mel.mels()];
        int windows = 20;
        double[] times = new double[rounds];
        for (int round = -warm; round < rounds; round++) {
            long began = System.nanoTime();
            for (int i = 0; i < windows; i++) {
                mel.compute(samples, samples.length, features, 0);
            }
            if (round >= 0) {
                times[round] = (System.nanoTime() - began) / 1e9;
            }
        }
        report(out.putObject("logMel"), "log-mel features, one thread", 30.0 * windows, times);
    }

    private void transcripts(Path recording) throws IOException {
        Weights.pull(model);
        Weights.pull("silero-vad");
        int used = threads > 0 ? threads : KernelSelector.defaultThreads();
        var properties = new AudioEncoderProperties(
                model,
                "silero-vad",
                null,
                "en",
                precision.equals("f32") ? AudioEncoderProperties.Precision.F32 : AudioEncoderProperties.Precision.FAST,
                used,
                4,
                null,
                DataSize.ofGigabytes(4),
                Duration.ofHours(12),
                1,
                1,
                DataSize.ofGigabytes(1),
                Duration.ofSeconds(60));
        FasterWhisper other = null;
        try (var engine = new AudioEngine(properties)) {
            if (!against.isEmpty()) {
                other = other(recording, used);
            }
            double[] own = new double[rounds];
            double[] others = new double[rounds];
            TranscriptCounts counts = null;
            int[] words = new int[1];
            int otherWords = 0;
            for (int round = -warm; round < rounds; round++) {
                words[0] = 0;
                long began = System.nanoTime();
                try (AudioTrack track = engine.open(recording, Clip.WHOLE, false)) {
                    counts = engine.transcriber().transcribe(track, counting(words));
                }
                double seconds = (System.nanoTime() - began) / 1e9;
                FasterWhisper.Heard heard = other == null ? null : other.transcribe();
                if (round >= 0) {
                    own[round] = seconds;
                    if (heard != null) {
                        others[round] = heard.seconds();
                        otherWords = heard.words();
                    }
                }
            }
            double length = counts.audioMillis() / 1000.0;
            var node = out.putObject("transcript");
            node.put("model", model).put("threads", used).put("precision", precision);
            node.put("seconds", length).put("speechSeconds", counts.speechMillis() / 1000.0);
            var line = String.format(
                    Locale.ROOT,
                    "transcript by %s, %s, %d threads, %.0f s of speech in it",
                    model,
                    precision,
                    used,
                    counts.speechMillis() / 1000.0);
            report(node, line + ", " + words[0] + " words", length, own);
            node.put("words", words[0]);
            memory(node, PeakMemory.of(ProcessHandle.current().pid()));
            if (other != null) {
                var peer = out.putObject("fasterWhisper").put("version", other.version());
                report(peer, other.version() + ", f32, " + used + " threads, " + otherWords + " words", length, others);
                peer.put("words", otherWords);
                memory(peer, other.peakBytes());
            }
        } finally {
            if (other != null) {
                other.close();
            }
        }
    }

    private FasterWhisper other(Path recording, int used) {
        try {
            return new FasterWhisper(
                    python, ModelCache.ofEnvironment().directory(model), used, "en", recording.toAbsolutePath());
        } catch (IOException e) {
            throw CommandException.missing("--python " + python + ": " + e.getMessage()
                    + " (expected: a Python with faster-whisper installed)");
        }
    }

    private static TranscriptSink counting(int[] words) {
        return new TranscriptSink() {
            @Override
            public void segment(TranscriptSegment segment) {
                words[0] += segment.text().split(" ").length;
            }

            @Override
            public void progress(long doneMillis) {}

            @Override
            public void checkCancelled() {}
        };
    }

    private void memory(tools.jackson.databind.node.ObjectNode node, java.util.OptionalLong bytes) {
        if (bytes.isEmpty()) {
            return;
        }
        node.put("peakBytes", bytes.getAsLong());
        if (!json) {
            System.out.println("  peak memory of the process: " + mib(bytes.getAsLong()));
        }
    }

    private void report(tools.jackson.databind.node.ObjectNode node, String what, double length, double[] times) {
        List<Double> rates = new ArrayList<>();
        var all = node.putArray("roundSeconds");
        for (double seconds : times) {
            rates.add(length / seconds);
            all.add(seconds);
        }
        double[] sorted = times.clone();
        Arrays.sort(sorted);
        double median = sorted[sorted.length / 2];
        node.put("timesRealTime", length / median);
        if (!json) {
            System.out.printf(
                    Locale.ROOT,
                    "%s: %.1f s in %.2f s, %.1f x real time (%.1f to %.1f)%n",
                    what,
                    length,
                    median,
                    length / median,
                    rates.stream().min(Double::compare).orElseThrow(),
                    rates.stream().max(Double::compare).orElseThrow());
        }
    }

    private static String mib(long bytes) {
        return String.format(Locale.ROOT, "%.0f MiB", bytes / 1048576.0);
    }
}
