package longreach.tensor.process;

import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * The child's side: loads, says that it is ready, takes one request, opens its file, gives up the rights that it needs no
 * longer, works, and ends. It also ends when the parent's end of the pipe closes, whatever it does at that time.
 */
public final class ChildMain {
    private static final int MAX_PATH_BYTES = 1 << 16;
    private static final int MAX_REQUEST_BYTES = 1 << 20;
    private static final long ALIVE_NANOS = 500_000_000L;

    /** What a child is for. */
    public interface Work {
        /** Loads native libraries and every class that the work touches: afterwards no file can be opened. */
        void load() throws IOException;

        /**
         * @param file descriptor of the request's file, open for reading
         * @param request as the parent sent it
         */
        void serve(int file, byte[] request, Out out) throws IOException;
    }

    /** Where results go. One thread at a time. */
    public static final class Out {
        private final DataOutputStream pipe;
        private long lastSign = System.nanoTime();

        /** Takes everything and keeps nothing: for a rehearsal. */
        public static Out nowhere() {
            return new Out(new DataOutputStream(OutputStream.nullOutputStream()));
        }

        private Out(DataOutputStream pipe) {
            this.pipe = pipe;
        }

        /** @param kind 32 to 255 */
        public void send(int kind, byte[] head, byte[] body, int bodyBytes) throws IOException {
            pipe.writeInt(1 + head.length + bodyBytes);
            pipe.write(kind);
            pipe.write(head);
            pipe.write(body, 0, bodyBytes);
            pipe.flush();
            lastSign = System.nanoTime();
        }

        public void send(int kind, byte[] body) throws IOException {
            send(kind, body, body, 0);
        }

        /** To be called between steps that give no result: tells the parent, now and then, that there is progress. */
        public void alive() throws IOException {
            if (System.nanoTime() - lastSign > ALIVE_NANOS) {
                send(Message.ALIVE, new byte[0]);
            }
        }
    }

    private ChildMain() {}

    /** Never returns. */
    public static void run(Work work) {
        int code = 0;
        try {
            serveOne(work);
        } catch (Throwable failure) {
            code = 1;
        }
        Runtime.getRuntime().halt(code);
    }

    private static void serveOne(Work work) throws IOException {
        var out = new Out(
                new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16)));
        System.setOut(System.err);
        var in = new DataInputStream(new FileInputStream(FileDescriptor.in));
        try {
            work.load();
            Confinement confinement = Confinement.prepare();
            out.send(Message.READY, new byte[0]);
            String path = new String(block(in, MAX_PATH_BYTES), StandardCharsets.UTF_8);
            byte[] request = block(in, MAX_REQUEST_BYTES);
            Thread.ofPlatform().daemon().start(() -> endWith(in));
            int file = confinement.openForReading(path);
            confinement.apply();
            work.serve(file, request, out);
        } catch (IOException e) {
            // The pipe is gone, or the file: there is nobody to tell, or the parent sees the end.
            throw e;
        } catch (Throwable failure) {
            out.send(Message.FAILED, failure.getClass().getName().getBytes(StandardCharsets.UTF_8));
            throw failure;
        }
    }

    private static byte[] block(DataInputStream in, int most) throws IOException {
        int length = in.readInt();
        if (length < 0 || length > most) {
            throw new IOException("request of " + length + " bytes (expected: 0 to " + most + ")");
        }
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        return bytes;
    }

    // The parent sends nothing more: the next thing to read is the end of its pipe.
    private static void endWith(InputStream parent) {
        try {
            while (parent.read() >= 0) {
                continue;
            }
        } catch (IOException e) {
            // The same: no parent.
        }
        Runtime.getRuntime().halt(0);
    }
}
