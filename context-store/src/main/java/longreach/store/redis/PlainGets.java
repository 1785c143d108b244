package longreach.store.redis;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import longreach.store.api.ChunkKey;
import longreach.store.api.Tenant;

/**
 * The least that fetching chunks can cost: pipelined {@code GET}s over one plain socket, whose answers are read into one
 * small buffer and forgotten. What a restore is measured beside.
 */
public final class PlainGets implements AutoCloseable {
    // Large enough that system calls do not count, small enough to stay in the core's cache.
    private static final int BUFFER_BYTES = 256 << 10;

    private final SocketChannel channel;
    private final ByteBuffer in = ByteBuffer.allocateDirect(BUFFER_BYTES).flip();

    /** @param redis {@code redis-socket:///path}, or {@code redis://[:password@]host:port} */
    public PlainGets(URI redis) throws IOException {
        boolean local = "redis-socket".equals(redis.getScheme());
        SocketAddress address = local
                ? UnixDomainSocketAddress.of(redis.getPath())
                : new InetSocketAddress(redis.getHost(), redis.getPort() < 0 ? 6379 : redis.getPort());
        channel = local ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
        channel.connect(address);
        String user = redis.getUserInfo();
        if (user != null) {
            send("AUTH " + user.substring(user.indexOf(':') + 1) + "\r\n");
            line();
        }
    }

    /**
     * Fetches the values of these chunks.
     *
     * @return bytes of all values
     * @throws IOException also when one of them is not there
     */
    public long fetch(Tenant tenant, List<ChunkKey> keys) throws IOException {
        var commands = new StringBuilder();
        for (ChunkKey key : keys) {
            commands.append("GET ")
                    .append(new String(RedisKeys.chunk(tenant, key), StandardCharsets.US_ASCII))
                    .append("\r\n");
        }
        send(commands.toString());
        long bytes = 0;
        for (int i = 0; i < keys.size(); i++) {
            String head = line();
            if (!head.matches("\\$[0-9]+")) {
                throw new IOException("GET: " + head + " (expected: a value)");
            }
            long length = Long.parseLong(head.substring(1));
            skip(length + 2);
            bytes += length;
        }
        return bytes;
    }

    private void send(String commands) throws IOException {
        ByteBuffer out = ByteBuffer.wrap(commands.getBytes(StandardCharsets.US_ASCII));
        while (out.hasRemaining()) {
            channel.write(out);
        }
    }

    private String line() throws IOException {
        var line = new StringBuilder();
        for (char c = next(); c != '\n'; c = next()) {
            if (c != '\r') {
                line.append(c);
            }
        }
        return line.toString();
    }

    private char next() throws IOException {
        if (!in.hasRemaining()) {
            fill();
        }
        return (char) in.get();
    }

    private void skip(long bytes) throws IOException {
        for (long left = bytes; left > 0; ) {
            if (!in.hasRemaining()) {
                fill();
            }
            int step = (int) Math.min(left, in.remaining());
            in.position(in.position() + step);
            left -= step;
        }
    }

    private void fill() throws IOException {
        in.clear();
        if (channel.read(in) < 0) {
            throw new EOFException("connection closed by the store");
        }
        in.flip();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
