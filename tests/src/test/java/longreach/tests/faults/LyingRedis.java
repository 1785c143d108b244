package longreach.tests.faults;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
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
            var in = new BufferedReader(new InputStreamReader(client.getInputStream(), StandardCharsets.ISO_8859_1));
            OutputStream out = client.getOutputStream();
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                int words = Integer.parseInt(line.substring(1));
                String command = "";
                for (int i = 0; i < words; i++) {
                    in.readLine();
                    String word = in.readLine();
                    command = i == 0 ? word : command;
                }
                switch (command) {
                    case "GETEX" -> script.answer(out);
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

    static void say(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
