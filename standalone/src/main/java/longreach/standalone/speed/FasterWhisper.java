package longreach.standalone.speed;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.OptionalLong;

/** faster-whisper in a process of its own that transcribes one file as often as it is told. */
public final class FasterWhisper implements AutoCloseable {
    private static final String SCRIPT = "/longreach/standalone/faster_whisper_worker.py";

    /** @param words of the transcript */
    public record Heard(double seconds, int words) {}

    private final Path script;
    private final Process process;
    private final BufferedReader answers;
    private final String version;

    /**
     * @param model folder of the CTranslate2 conversion
     * @throws IOException when this Python cannot be started, has no faster-whisper, or that cannot load the model
     */
    public FasterWhisper(String python, Path model, int threads, String language, Path recording) throws IOException {
        script = Files.createTempFile("faster-whisper-worker", ".py");
        try (InputStream in = FasterWhisper.class.getResourceAsStream(SCRIPT)) {
            Files.copy(in, script, StandardCopyOption.REPLACE_EXISTING);
            process = new ProcessBuilder(
                            python,
                            script.toString(),
                            model.toString(),
                            Integer.toString(threads),
                            language,
                            recording.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
        } catch (IOException e) {
            Files.delete(script);
            throw e;
        }
        answers = process.inputReader(StandardCharsets.UTF_8);
        try {
            version = answer("loading the model").replaceFirst("^ready ", "");
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    public String version() {
        return version;
    }

    public Heard transcribe() throws IOException {
        var out = process.outputWriter(StandardCharsets.UTF_8);
        out.write("transcribe\n");
        out.flush();
        String[] answer = answer("transcribe").split("\t");
        return new Heard(Double.parseDouble(answer[0]), Integer.parseInt(answer[1]));
    }

    private String answer(String what) throws IOException {
        String line = answers.readLine();
        if (line == null) {
            throw new IOException("faster-whisper ended at '" + what + "' (its own message is above)");
        }
        return line;
    }

    /** Most memory that its process has had resident, bytes; empty where the system does not tell. */
    public OptionalLong peakBytes() {
        return PeakMemory.of(process.pid());
    }

    @Override
    public void close() throws IOException {
        process.destroy();
        Files.deleteIfExists(script);
    }
}
