package longreach.tensor.process;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * One child process and the one request that it serves. Whoever took it from the pool closes it, which kills it. One
 * thread at a time, but {@link #close} may come from any; the reader then sees the end.
 */
public final class Child implements AutoCloseable {
    // Messages that are taken from the pipe ahead of their reader.
    private static final int READ_AHEAD = 2;

    // Begins or ends a process: a start may be slow on a busy machine.
    private static final long START_SECONDS = 120;

    private static final int KIND_BYTES = 1;

    /** What the pump hands over: a message, or why there are no more. */
    private sealed interface Heard permits Arrived, Ended {}

    private record Arrived(Message message) implements Heard {}

    private record Ended(ChildException.Cause why, String how) implements Heard {}

    private final Process process;
    private final ChildLimits limits;
    private Runnable released = () -> {};
    private final BlockingQueue<Heard> heard = new ArrayBlockingQueue<>(READ_AHEAD);
    private final Thread pump;
    private volatile long lastSign = System.nanoTime();
    private volatile boolean ready;
    private volatile boolean closed;

    Child(Process process, ChildLimits limits) {
        this.process = process;
        this.limits = limits;
        pump = Thread.ofPlatform().daemon().name("child-" + process.pid()).start(this::pump);
    }

    /**
     * Hands the child its request, once it is ready for one.
     *
     * @param file opened by the child before it gives up the right to open any
     * @param request what to do with it, as the two sides agreed
     */
    public void send(Path file, byte[] request) throws ChildException {
        awaitReady();
        try {
            var out = new DataOutputStream(process.getOutputStream());
            byte[] path = file.toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8);
            out.writeInt(path.length);
            out.write(path);
            out.writeInt(request.length);
            out.write(request);
            out.flush();
        } catch (IOException e) {
            throw new ChildException(ChildException.Cause.DIED, "it ended before its request: " + ending(), e);
        }
    }

    private void awaitReady() throws ChildException {
        if (!ready) {
            Message first = next(START_SECONDS * 1_000_000_000L);
            if (first.kind() != Message.READY) {
                throw new ChildException(ChildException.Cause.BROKEN, "its first message is of kind " + first.kind());
            }
            ready = true;
        }
    }

    /** @param whenClosed gives back the place that its taker holds */
    Child takenUntil(Runnable whenClosed) {
        released = whenClosed;
        return this;
    }

    /** Whether it is alive; does not block. */
    boolean usable() {
        return !closed && process.isAlive();
    }

    /** The next message; waits for it while the child shows progress. */
    public Message receive() throws ChildException {
        return next(limits.silence().toNanos());
    }

    private Message next(long silence) throws ChildException {
        long from = System.nanoTime();
        while (true) {
            long now = System.nanoTime();
            long left = silence - Math.min(now - from, now - lastSign);
            if (left <= 0) {
                close();
                throw new ChildException(
                        ChildException.Cause.SILENT, "no progress for " + silence / 1_000_000_000L + " s");
            }
            try {
                switch (heard.poll(left, TimeUnit.NANOSECONDS)) {
                    case null -> {
                        // Time is up, unless a sign of life came meanwhile.
                    }
                    case Arrived arrived -> {
                        return arrived.message();
                    }
                    case Ended ended -> {
                        close();
                        throw new ChildException(ended.why(), ended.how());
                    }
                }
            } catch (InterruptedException e) {
                close();
                Thread.currentThread().interrupt();
                throw new ChildException(ChildException.Cause.INTERRUPTED, "the caller left", e);
            }
        }
    }

    private void pump() {
        Ended end;
        try (var in = new DataInputStream(new BufferedInputStream(process.getInputStream(), 1 << 16))) {
            end = readAll(in);
        } catch (EOFException e) {
            end = new Ended(ChildException.Cause.DIED, ending());
        } catch (IOException e) {
            end = new Ended(ChildException.Cause.DIED, "its pipe broke: " + ending());
        } catch (InterruptedException e) {
            end = new Ended(ChildException.Cause.DIED, "it was stopped");
        }
        process.destroyForcibly();
        try {
            heard.put(end);
        } catch (InterruptedException e) {
            // Closed: nobody reads any more.
            Thread.currentThread().interrupt();
        }
    }

    private Ended readAll(DataInputStream in) throws IOException, InterruptedException {
        while (true) {
            int length = in.readInt();
            if (length < KIND_BYTES || length > limits.messageBytes()) {
                return new Ended(
                        ChildException.Cause.BROKEN,
                        "a message of " + length + " bytes (expected: " + KIND_BYTES + " to " + limits.messageBytes()
                                + ")");
            }
            int kind = in.readUnsignedByte();
            byte[] body = new byte[length - KIND_BYTES];
            in.readFully(body);
            lastSign = System.nanoTime();
            switch (kind) {
                case Message.ALIVE -> {}
                case Message.FAILED -> {
                    String name = new String(body, StandardCharsets.UTF_8).replaceAll("[^\\w.$]", "?");
                    return new Ended(ChildException.Cause.DIED, name);
                }
                default -> heard.put(new Arrived(new Message(kind, ByteBuffer.wrap(body))));
            }
        }
    }

    private String ending() {
        try {
            if (process.waitFor(5, TimeUnit.SECONDS)) {
                int code = process.exitValue();
                return code > 128 ? "ended by signal " + (code - 128) : "exit code " + code;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return "it closed its pipe";
    }

    public long pid() {
        return process.pid();
    }

    /** Kills the process at once, whatever it does. */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        process.destroyForcibly();
        pump.interrupt();
        released.run();
    }
}
