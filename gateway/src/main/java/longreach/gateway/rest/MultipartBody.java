package longreach.gateway.rest;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Pattern;
import longreach.gateway.error.ApiException;

/** The parts of a multipart body (RFC 2046, section 5.1), streamed: a part must be read before the next is asked for. */
final class MultipartBody {
    private static final Pattern BOUNDARY = Pattern.compile("(?i);\\s*boundary=(?:\"([^\"]{1,70})\"|([^;\\s]{1,70}))");
    private static final Pattern NAME = Pattern.compile("(?i);\\s*name=\"([^\"]{0,200})\"");
    private static final Pattern FILE_NAME = Pattern.compile("(?i);\\s*filename=\"([^\"]{0,500})\"");
    private static final int MAX_HEADER_BYTES = 8 << 10;
    private static final int BUFFER = 64 << 10;

    private final InputStream in;
    /** CR LF, two dashes and the boundary. */
    private final byte[] delimiter;

    private final byte[] buffer = new byte[BUFFER];
    private int from;
    private int to;
    private boolean end;
    private PartStream open;

    /**
     * @param name in a form; else empty
     * @param fileName as the sender called it; may be empty
     * @param type lower case
     * @param body ends where the part does
     */
    record Part(String name, String fileName, String type, InputStream body) {}

    MultipartBody(InputStream in, String contentType) {
        var match = BOUNDARY.matcher(contentType);
        if (!match.find()) {
            throw ApiException.badField(
                    "Content-Type", "multipart without boundary", "multipart/related; boundary=...");
        }
        this.in = in;
        var boundary = match.group(1) == null ? match.group(2) : match.group(1);
        delimiter = ("\r\n--" + boundary).getBytes(StandardCharsets.ISO_8859_1);
        // The first boundary has no line break before it: pretend one.
        buffer[0] = '\r';
        buffer[1] = '\n';
        to = 2;
        open = new PartStream();
    }

    /** @throws ApiException when there is none */
    Part next() throws IOException {
        var part = nextOrNull();
        if (part == null) {
            throw ApiException.badField("multipart body", "too few parts", "a JSON part, then the bytes");
        }
        return part;
    }

    /** Null after the last part. */
    Part nextOrNull() throws IOException {
        open.skipToEnd();
        var line = line();
        if (line.startsWith("--") || end && line.isEmpty()) {
            return null;
        }
        var type = "";
        var disposition = "";
        for (var header = line(); !header.isEmpty(); header = line()) {
            int colon = header.indexOf(':');
            if (colon > 0 && header.substring(0, colon).strip().equalsIgnoreCase("content-type")) {
                type = header.substring(colon + 1).strip().toLowerCase(Locale.ROOT);
            }
            if (colon > 0 && header.substring(0, colon).strip().equalsIgnoreCase("content-disposition")) {
                disposition = header.substring(colon + 1);
            }
        }
        open = new PartStream();
        return new Part(parameter(NAME, disposition), parameter(FILE_NAME, disposition), type, open);
    }

    private static String parameter(Pattern pattern, String disposition) {
        var match = pattern.matcher(disposition);
        return match.find() ? match.group(1) : "";
    }

    private String line() throws IOException {
        var bytes = new ByteArrayOutputStream();
        while (bytes.size() < MAX_HEADER_BYTES) {
            if (from == to && !fill()) {
                break;
            }
            byte b = buffer[from++];
            if (b == '\n') {
                break;
            }
            if (b != '\r') {
                bytes.write(b);
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /** Moves what is left to the front and reads more behind it. */
    private boolean fill() throws IOException {
        if (end || to - from == buffer.length) {
            return false;
        }
        System.arraycopy(buffer, from, buffer, 0, to - from);
        to -= from;
        from = 0;
        int n = in.read(buffer, to, buffer.length - to);
        if (n < 0) {
            end = true;
            return false;
        }
        to += n;
        return true;
    }

    /** Everything up to the next delimiter, which is consumed with the part's end. */
    private final class PartStream extends InputStream {
        private boolean done;

        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            if (done || length == 0) {
                return done ? -1 : 0;
            }
            while (true) {
                int at = indexOfDelimiter();
                // A delimiter may begin in the last bytes and go on in what is not read yet.
                int safe = at >= 0 ? at : Math.max(from, to - delimiter.length + 1);
                if (safe > from) {
                    int n = Math.min(length, safe - from);
                    System.arraycopy(buffer, from, target, offset, n);
                    from += n;
                    return n;
                }
                if (at == from) {
                    from += delimiter.length;
                    done = true;
                    return -1;
                }
                if (!fill()) {
                    throw ApiException.badField("multipart body", "cut short", "a closing boundary");
                }
            }
        }

        private int indexOfDelimiter() {
            outer:
            for (int i = from; i <= to - delimiter.length; i++) {
                for (int j = 0; j < delimiter.length; j++) {
                    if (buffer[i + j] != delimiter[j]) {
                        continue outer;
                    }
                }
                return i;
            }
            return -1;
        }

        void skipToEnd() throws IOException {
            var away = new byte[8 << 10];
            while (read(away, 0, away.length) >= 0) {}
        }
    }
}
