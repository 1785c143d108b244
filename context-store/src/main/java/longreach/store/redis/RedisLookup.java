package longreach.store.redis;

import io.lettuce.core.RedisFuture;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.IntFunction;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;

/** The answers to one lookup, verified one by one in the thread that asks for them. */
final class RedisLookup implements LookupResult {
    /** Reads under way before the first answer has told how large they are. */
    private static final int FIRST_WINDOW = 2;

    private static final int MOST_WINDOW = 64;

    /**
     * Bytes under way. A server copies all answers that it is asked for before it sends the first, so more would delay
     * that and push both ends out of their caches; less would let it wait for the next question. Also bounds what a slow
     * reader of a very long context holds in memory.
     */
    private static final long WINDOW_BYTES = 8 << 20;

    private final int size;
    private final IntFunction<RedisFuture<Buffer>> ask;
    private final BiFunction<Integer, Reply, Lookup> verify;
    private final Patience patience;
    private final BufferPool pool;
    private final List<RedisFuture<Buffer>> asked = new ArrayList<>();
    private final Lookup[] entries;
    /** By position; null: nothing came, or it was given back. Guarded by itself. */
    private final Buffer[] held;

    private int window = FIRST_WINDOW;
    private boolean closed;

    /**
     * @param ask sends the request for a position, without waiting
     * @param verify turns a position's answer into its entry
     */
    RedisLookup(
            int size,
            IntFunction<RedisFuture<Buffer>> ask,
            BiFunction<Integer, Reply, Lookup> verify,
            Patience patience,
            BufferPool pool) {
        this.size = size;
        this.ask = ask;
        this.verify = verify;
        this.patience = patience;
        this.pool = pool;
        this.entries = new Lookup[size];
        this.held = new Buffer[size];
        askUpTo(window);
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public Lookup entry(int position) {
        Objects.checkIndex(position, size);
        if (closed) {
            throw new IllegalStateException("lookup result is closed");
        }
        if (entries[position] == null) {
            askUpTo(position + window);
            Reply reply = patience.await(asked.get(position));
            if (reply instanceof Reply.Value value) {
                synchronized (held) {
                    held[position] = value.buffer();
                }
                long bytes = value.buffer().bytes().byteSize();
                window = (int) Math.clamp(WINDOW_BYTES / Math.max(1, bytes), FIRST_WINDOW, MOST_WINDOW);
                askUpTo(position + 1 + window);
            }
            entries[position] = verify.apply(position, reply);
        }
        return entries[position];
    }

    private void askUpTo(int end) {
        for (int i = asked.size(); i < Math.min(end, size); i++) {
            asked.add(ask.apply(i));
        }
    }

    @Override
    public void release(int position) {
        Buffer buffer;
        synchronized (held) {
            buffer = held[position];
            held[position] = null;
        }
        if (buffer != null) {
            pool.giveBack(buffer);
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (int i = 0; i < asked.size(); i++) {
            release(i);
        }
        for (int i = 0; i < asked.size(); i++) {
            if (entries[i] == null) {
                asked.get(i).thenAccept(late -> {
                    if (late != null) {
                        pool.giveBack(late);
                    }
                });
            }
        }
    }
}
