package longreach.standalone.speed;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.OptionalLong;
import longreach.standalone.speed.SpeedCase.Decode;
import longreach.standalone.speed.SpeedCase.Prefill;

/** llama.cpp as llama-cpp-python has it, in a process of its own that is told line by line what to evaluate. */
public final class LlamaPython implements Side {
    private static final String SCRIPT = "/longreach/standalone/llama_worker.py";

    private final boolean flashAttention;
    private final Path script;
    private final Process process;
    private final BufferedReader answers;
    private final String version;
    private int depth = -1;
    private OptionalLong peak = OptionalLong.empty();

    /**
     * @param context most tokens that any case needs
     * @throws IOException when this Python cannot be started, has no llama-cpp-python, or that cannot load the model
     */
    public LlamaPython(String python, Path gguf, int threads, int context, boolean flashAttention) throws IOException {
        this.flashAttention = flashAttention;
        script = Files.createTempFile("llama-worker", ".py");
        try (InputStream in = LlamaPython.class.getResourceAsStream(SCRIPT)) {
            Files.copy(in, script, StandardCopyOption.REPLACE_EXISTING);
            process = new ProcessBuilder(
                            python,
                            script.toString(),
                            gguf.toString(),
                            Integer.toString(threads),
                            Integer.toString(context),
                            flashAttention ? "1" : "0")
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

    @Override
    public String name() {
        return "llama.cpp";
    }

    @Override
    public String details() {
        return version + ", flash attention " + (flashAttention ? "on" : "off");
    }

    @Override
    public double measure(SpeedCase what, int decodeTokens) throws IOException {
        switch (what) {
            case Prefill prompt -> {
                depth = -1;
                return prompt.tokens() / seconds("prefill " + prompt.tokens());
            }
            case Decode at -> {
                if (depth != at.depth()) {
                    seconds("prefill " + Math.max(1, at.depth()));
                    depth = at.depth();
                }
                return decodeTokens / seconds("decode " + decodeTokens);
            }
        }
    }

    private double seconds(String command) throws IOException {
        var out = process.outputWriter(StandardCharsets.UTF_8);
        out.write(command + "\n");
        out.flush();
        double seconds = Double.parseDouble(answer(command));
        peak = PeakMemory.of(process.pid());
        return seconds;
    }

    private String answer(String what) throws IOException {
        String line = answers.readLine();
        if (line == null) {
            throw new IOException("llama.cpp ended at '" + what + "' (its own message is above)");
        }
        return line;
    }

    @Override
    public OptionalLong peakBytes() {
        return peak;
    }

    @Override
    public void close() throws IOException {
        process.destroy();
        Files.deleteIfExists(script);
    }
}
