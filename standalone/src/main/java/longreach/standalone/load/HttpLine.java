package longreach.standalone.load;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * One kept-open HTTP/1.1 connection that asks again and again, with as little work as can be: what is measured is the
 * server. Knows bodies with a length and bodies in chunks, which is all that this server sends.
 */
public final class HttpLine implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 120_000;

    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;

    public HttpLine(String host, int port) throws IOException {
        socket = new Socket();
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(TIMEOUT_MILLIS);
        socket.connect(new InetSocketAddress(host, port), TIMEOUT_MILLIS);
        in = new BufferedInputStream(socket.getInputStream(), 1 << 14);
        out = socket.getOutputStream();
    }

    /** The bytes of a request with a JSON body. */
    public static byte[] post(String path, String json) {
        byte[] body = json.getBytes(StandardCharsets.UTF_8);
        return ("POST " + path + " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: "
                        + body.length + "\r\n\r\n" + json)
                .getBytes(StandardCharsets.UTF_8);
    }

    /** Sends, and reads the whole answer. @return its body @throws IOException also for a status other than 200 */
    public String ask(byte[] request) throws IOException {
        var body = new StringBuilder();
        ask(request, body::append);
        return body.toString();
    }

    /** @param pieces told the body, piece by piece */
    public void ask(byte[] request, Consumer<String> pieces) throws IOException {
        out.write(request);
        out.flush();
        var status = line();
        int length = -1;
        boolean chunked = false;
        for (var header = line(); !header.isEmpty(); header = line()) {
            int colon = header.indexOf(':');
            if (header.regionMatches(true, 0, "content-length", 0, colon)) {
                length = Integer.parseInt(header.substring(colon + 1).strip());
            }
            chunked |= header.regionMatches(true, 0, "transfer-encoding", 0, colon);
        }
        if (chunked) {
            for (int size = Integer.parseInt(line(), 16); size > 0; size = Integer.parseInt(line(), 16)) {
                pieces.accept(text(size));
                line();
            }
            line();
        } else if (length >= 0) {
            pieces.accept(text(length));
        } else {
            throw new IOException("an answer without a length: " + status);
        }
        if (!status.contains(" 200")) {
            throw new IOException("answered " + status);
        }
    }

    private String text(int bytes) throws IOException {
        byte[] read = in.readNBytes(bytes);
        if (read.length < bytes) {
            throw new IOException("the connection ended inside an answer");
        }
        return new String(read, StandardCharsets.UTF_8);
    }

    private String line() throws IOException {
        var line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new IOException("the connection ended");
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
