package longreach.lm.openai;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import longreach.lm.engine.EngineException;

/** The data of server-sent events, a line each. */
final class EventLines {
    private static final int MAX_LINE_BYTES = 4 << 20;

    private final InputStream in;
    private final byte[] buffer = new byte[8192];
    private int at;
    private int end;

    EventLines(InputStream in) {
        this.in = in;
    }

    /** The next event's data; null at the end of the stream. */
    String next() throws IOException {
        for (String line = line(); line != null; line = line()) {
            // Comments and the other fields say nothing here.
            if (line.startsWith("data:")) {
                return line.substring("data:".length()).strip();
            }
        }
        return null;
    }

    private String line() throws IOException {
        var bytes = new ByteArrayOutputStream();
        while (true) {
            if (at == end) {
                at = 0;
                end = in.read(buffer);
                if (end < 0) {
                    end = 0;
                    return bytes.size() == 0 ? null : bytes.toString(StandardCharsets.UTF_8);
                }
            }
            int from = at;
            while (at < end && buffer[at] != '\n') {
                at++;
            }
            bytes.write(buffer, from, at - from);
            if (bytes.size() > MAX_LINE_BYTES) {
                throw new EngineException.Upstream(
                        "openai: an event of " + bytes.size() + " bytes (expected: at most " + MAX_LINE_BYTES + ")");
            }
            if (at < end) {
                at++;
                String line = bytes.toString(StandardCharsets.UTF_8);
                return line.endsWith("\r") ? line.substring(0, line.length() - 1) : line;
            }
        }
    }
}
