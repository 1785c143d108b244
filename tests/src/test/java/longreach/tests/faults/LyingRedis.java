package longreach.tests.faults;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Speaks just enough of the protocol to be connected to, and then answers reads as a script says. */
final class LyingRedis implements AutoCloseable {
    /** Answers one read; may block, write anything, or throw to drop the connection. */
    interface Script {
        void answer(OutputStream out) throws IOException, InterruptedException;
    }

    private final ServerSocket server;
    private final Script script;

    LyingRedis(Script script) throws IOException {
        this.script = script;
        this.server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(() -> {
            try {
                while (true) {
                    Socket client = server.accept();
                    Thread.ofVirtual().start(() -> serve(client));
                }
            } catch (IOException e) {
                // Closed: the test is over.
                return;
            }
        });
    }

    String uri() {
        return "redis://127.0.0.1:" + server.getLocalPort();
    }

    private void serve(Socket client) {
        try (client) {
            InputStream in = new BufferedInputStream(client.getInputStream());
            OutputStream out = client.getOutputStream();
            for (int words = number(in); words > 0; words = number(in)) {
                String command = "";
                for (int i = 0; i < words; i++) {
                    byte[] word = in.readNBytes(number(in));
                    in.skipNBytes(2);
                    command = i == 0 ? new String(word, StandardCharsets.ISO_8859_1) : command;
                }
                switch (command) {
                    case "GET" -> script.answer(out);
                    case "PEXPIRE" -> say(out, ":0\r\n");
                    case "PING" -> say(out, "+PONG\r\n");
                    case "HELLO" -> say(out, "-ERR unknown command 'HELLO'\r\n");
                    default -> say(out, "+OK\r\n");
                }
            }
        } catch (IOException | InterruptedException e) {
            // The client left, as it should, or the script hung up.
            return;
        }
    }

    /** Of a line such as {@code *3} or {@code $17}; 0 at the end. */
    private static int number(InputStream in) throws IOException {
        StringBuilder digits = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                return 0;
            }
            if (Character.isDigit(c)) {
                digits.append((char) c);
            }
        }
        return Integer.parseInt(digits.toString());
    }

    static void say(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
