package longreach.audio;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import longreach.audio.decode.AudioTrack;
import longreach.audio.decode.Clip;
import longreach.audio.transcript.TranscriptCounts;
import longreach.audio.transcript.TranscriptSegment;
import longreach.audio.transcript.TranscriptSink;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.core.env.StandardEnvironment;
import tools.jackson.databind.json.JsonMapper;

/**
 * Transcribes files without a server: one line of JSON for each file, with its segments and the wall and processor time it
 * took. Settings
 * are those of the service, as system properties or environment. For measurements and scripts.
 */
public final class TranscribeCommand {
    private TranscribeCommand() {}

    /** @param args files */
    public static void main(String[] args) {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        if (args.length == 0) {
            System.err.println("usage: TranscribeCommand FILE...");
            System.exit(2);
        }
        AudioEncoderProperties properties = Binder.get(new StandardEnvironment())
                .bindOrCreate("audio-encoder", Bindable.of(AudioEncoderProperties.class));
        boolean failed = false;
        try (AudioEngine engine = new AudioEngine(properties)) {
            engine.transcriber();
            for (String file : args) {
                try {
                    out.println(JsonMapper.shared().writeValueAsString(transcribe(engine, Path.of(file))));
                } catch (AudioException e) {
                    System.err.println(file + ": " + e.getMessage());
                    failed = true;
                }
            }
        }
        System.exit(failed ? 1 : 0);
    }

    private static Map<String, Object> transcribe(AudioEngine engine, Path file) {
        if (!Files.isRegularFile(file)) {
            throw new AudioException.InvalidRequest("no such file");
        }
        long begin = System.nanoTime();
        Duration cpuBegin = cpuTime();
        List<TranscriptSegment> segments = new ArrayList<>();
        TranscriptSink sink = new TranscriptSink() {
            @Override
            public void segment(TranscriptSegment segment) {
                segments.add(segment);
            }

            @Override
            public void progress(long doneMillis) {}

            @Override
            public void checkCancelled() {}
        };
        try (AudioTrack reader = engine.open(file, Clip.WHOLE, false)) {
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("file", file.toString());
            TranscriptCounts counts = engine.transcriber().transcribe(reader, sink);
            result.put("segments", segments);
            result.put("audioMillis", counts.audioMillis());
            result.put("speechMillis", counts.speechMillis());
            result.put("windows", counts.windows());
            result.put("wallMillis", (System.nanoTime() - begin) / 1_000_000);
            result.put("cpuMillis", cpuTime().minus(cpuBegin).toMillis());
            return result;
        }
    }

    // Of all threads: what it costs, whoever else uses the machine.
    private static Duration cpuTime() {
        return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
    }
}
