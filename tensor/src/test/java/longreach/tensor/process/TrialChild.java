package longreach.tensor.process;

import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;

/** A child that does, or tries to do, what its request says. */
final class TrialChild implements ChildMain.Work {
    public static void main(String[] args) {
        ChildMain.run(new TrialChild());
    }

    @Override
    public void load() throws IOException {
        Loader.load(BytePointer.class);
        new BytePointer(16).close();
        refusal(() -> new FileInputStream("/nowhere").close());
        refusal(() -> new Socket("127.0.0.1", 1).close());
        refusal(() -> new ProcessBuilder("/nowhere").start());
    }

    @Override
    public void serve(int file, byte[] request, ChildMain.Out out) throws IOException {
        switch (new String(request, StandardCharsets.UTF_8)) {
            case "echo" -> {
                for (int i = 0; i < 100; i++) {
                    out.send(40, ByteBuffer.allocate(4).putInt(i).array());
                }
            }
            case "crash" -> {
                try (var pointer = new BytePointer(1)) {
                    // Far from anything that is mapped.
                    for (long at = 1L << 36; ; at += 1L << 36) {
                        pointer.put(at, (byte) 1);
                    }
                }
            }
            case "throw" -> throw new IllegalStateException("not for the parent's eyes");
            case "hang" -> {
                out.send(40, new byte[0]);
                while (true) {
                    Thread.onSpinWait();
                }
            }
            case "busy" -> {
                long begin = System.nanoTime();
                while (System.nanoTime() - begin < 4_000_000_000L) {
                    out.alive();
                    Thread.onSpinWait();
                }
                out.send(41, new byte[0]);
            }
            case "heap" -> {
                List<byte[]> all = new ArrayList<>();
                while (all.size() < 1_000_000) {
                    all.add(new byte[1 << 20]);
                }
            }
            case "native" -> {
                List<BytePointer> all = new ArrayList<>();
                while (all.size() < 100_000) {
                    var block = new BytePointer(16L << 20);
                    block.put(0, (byte) 1);
                    all.add(block);
                }
            }
            case "garbage" -> {
                try (var raw = new FileOutputStream(java.io.FileDescriptor.out)) {
                    raw.write("no message at all".getBytes(StandardCharsets.US_ASCII));
                }
            }
            case "rights" ->
                out.send(
                        40,
                        String.join(
                                        "\n",
                                        "read " + refusal(() -> new FileInputStream("/etc/hostname").close()),
                                        "write " + refusal(() -> new FileOutputStream("/tmp/trial").close()),
                                        "socket " + refusal(() -> new Socket("127.0.0.1", 1).close()),
                                        "program " + refusal(() -> new ProcessBuilder("/bin/true").start()))
                                .getBytes(StandardCharsets.UTF_8));
            case "environment" ->
                out.send(40, String.join(" ", System.getenv().keySet()).getBytes(StandardCharsets.UTF_8));
            default -> throw new IllegalArgumentException();
        }
    }

    private interface Attempt {
        void run() throws IOException;
    }

    private static String refusal(Attempt attempt) {
        try {
            attempt.run();
            return "granted";
        } catch (IOException e) {
            return e.getMessage();
        }
    }
}
