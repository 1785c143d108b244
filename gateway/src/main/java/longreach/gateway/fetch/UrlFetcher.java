package longreach.gateway.fetch;

import com.google.protobuf.ByteString;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import longreach.gateway.error.ApiException;

/**
 * Fetches http and https addresses of the public internet. A name is looked up once, every address that it has must be
 * public, and the connection goes to one of those: no later answer can lead elsewhere. Each redirect is a new address and
 * is checked as the first one was. Size and time are bounded, all redirects together.
 */
public final class UrlFetcher {
    private static final int MAX_REDIRECTS = 5;
    private static final int MAX_HEADER_BYTES = 32 << 10;
    private static final int MAX_URL = 4096;
    private static final int AT_ONCE = 4;
    private static final int BLOCK = 1 << 16;
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);

    private final boolean on;
    private final List<String> allowed;
    private final long maxBytes;
    private final Duration limit;
    private final Resolver resolver;
    private final Semaphore turns = new Semaphore(AT_ONCE);

    /** How names are looked up. */
    @FunctionalInterface
    interface Resolver {
        InetAddress[] resolve(String host) throws UnknownHostException;
    }

    /** @param contentType as the other server says; may be empty */
    public record Fetched(ByteString bytes, String contentType) {}

    /**
     * @param on whether anything is fetched
     * @param allowed {@code host:port} that may be fetched from whatever its address; others need ports 80 or 443
     * @param maxBytes largest body
     * @param limit longest that one fetch may take, redirects included
     */
    public UrlFetcher(boolean on, List<String> allowed, long maxBytes, Duration limit) {
        this(on, allowed, maxBytes, limit, InetAddress::getAllByName);
    }

    UrlFetcher(boolean on, List<String> allowed, long maxBytes, Duration limit, Resolver resolver) {
        this.on = on;
        this.allowed =
                allowed.stream().map(each -> each.toLowerCase(Locale.ROOT)).toList();
        this.maxBytes = maxBytes;
        this.limit = limit;
        this.resolver = resolver;
    }

    /**
     * @param path of the request's field, for messages
     * @throws ApiException INVALID_ARGUMENT for what may not be fetched, or cannot; UNAVAILABLE when too many do so now
     */
    public Fetched fetch(String url, String path) throws InterruptedException {
        if (!on) {
            throw ApiException.badField(
                    path,
                    "a web address",
                    "a file uploaded here: files/NAME or its uri; this server fetches nothing (gateway.fetch.on)");
        }
        if (!turns.tryAcquire(limit.toMillis(), java.util.concurrent.TimeUnit.MILLISECONDS)) {
            throw ApiException.unavailable(path + ": too many addresses are being fetched (expected: later)", null);
        }
        try {
            return follow(parse(url, path), path, System.nanoTime() + limit.toNanos());
        } catch (SocketTimeoutException e) {
            throw ApiException.badField(path, "no whole answer in " + limit.toSeconds() + " s", "a faster server");
        } catch (IOException e) {
            // Nothing of what the connection met: an inner network is not to be mapped by error messages.
            throw ApiException.badField(path, "cannot be fetched", "an address that answers with the file");
        } finally {
            turns.release();
        }
    }

    private Fetched follow(URI first, String path, long deadline) throws IOException {
        var at = first;
        for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
            var answer = ask(at, path, deadline);
            if (answer.fetched() != null) {
                return answer.fetched();
            }
            var next = parse(at.resolve(answer.location()).toString(), path);
            if (at.getScheme().equals("https") && next.getScheme().equals("http")) {
                throw ApiException.badField(path, "a redirect from https to http", "https throughout");
            }
            at = next;
        }
        throw ApiException.badField(path, "more than " + MAX_REDIRECTS + " redirects", "fewer");
    }

    private static URI parse(String url, String path) {
        try {
            var uri = new URI(url).normalize();
            var scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
            boolean fits = (scheme.equals("http") || scheme.equals("https"))
                    && uri.getHost() != null
                    && uri.getRawUserInfo() == null
                    && url.length() <= MAX_URL;
            if (fits) {
                return new URI(scheme + "://" + uri.getHost().toLowerCase(Locale.ROOT)
                        + (uri.getPort() < 0 ? "" : ":" + uri.getPort())
                        + (uri.getRawPath() == null || uri.getRawPath().isEmpty() ? "/" : uri.getRawPath())
                        + (uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery()));
            }
        } catch (URISyntaxException e) {
            throw ApiException.badField(path, "no address", "http:// or https:// and a host");
        }
        throw ApiException.badField(
                path,
                "another kind of address",
                "http:// or https:// and a host, without a user, of at most " + MAX_URL);
    }

    private InetSocketAddress checked(URI uri, String path) {
        int usual = uri.getScheme().equals("https") ? 443 : 80;
        int port = uri.getPort() < 0 ? usual : uri.getPort();
        var host = uri.getHost().startsWith("[")
                ? uri.getHost().substring(1, uri.getHost().length() - 1)
                : uri.getHost();
        InetAddress[] addresses;
        try {
            addresses = resolver.resolve(host);
        } catch (UnknownHostException e) {
            throw ApiException.badField(path, "cannot be fetched", "an address that answers with the file");
        }
        if (addresses.length == 0) {
            throw ApiException.badField(path, "cannot be fetched", "an address that answers with the file");
        }
        if (!allowed.contains(host + ":" + port)) {
            if (port != 80 && port != 443) {
                throw ApiException.badField(path, "port " + port, "port 80 or 443");
            }
            for (var address : addresses) {
                if (!PublicAddresses.contain(address)) {
                    throw ApiException.badField(path, "an address that is not public", "one of the public internet");
                }
            }
        }
        return new InetSocketAddress(addresses[0], port);
    }

    /** @param fetched null: there is a redirect */
    private record Answer(Fetched fetched, URI location) {}

    private Answer ask(URI uri, String path, long deadline) throws IOException {
        var address = checked(uri, path);
        try (var plain = new Socket();
                var end = new End(plain, deadline)) {
            plain.connect(address, remaining(deadline));
            plain.setSoTimeout(remaining(deadline));
            try (var socket =
                    uri.getScheme().equals("https") ? secured(plain, uri.getHost(), address.getPort()) : plain) {
                var target = uri.getRawPath() + (uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery());
                var host = uri.getHost() + (uri.getPort() < 0 ? "" : ":" + uri.getPort());
                socket.getOutputStream()
                        .write(("GET " + target + " HTTP/1.1\r\nHost: " + host
                                        + "\r\nUser-Agent: longreach\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
                                        + "Connection: close\r\n\r\n")
                                .getBytes(StandardCharsets.US_ASCII));
                socket.getOutputStream().flush();
                return read(new Deadlined(socket, deadline), path);
            }
        }
    }

    private static SSLSocket secured(Socket plain, String host, int port) throws IOException {
        var socket =
                (SSLSocket) ((SSLSocketFactory) SSLSocketFactory.getDefault()).createSocket(plain, host, port, true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        if (!host.startsWith("[") && !host.matches("[0-9.]+")) {
            parameters.setServerNames(List.of(new SNIHostName(host)));
        }
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }

    private static int remaining(long deadline) throws SocketTimeoutException {
        long millis = (deadline - System.nanoTime()) / 1_000_000;
        if (millis <= 0) {
            throw new SocketTimeoutException("the time is over");
        }
        return (int) Math.min(millis, Integer.MAX_VALUE);
    }

    /** Closes a connection when its time is over, whatever it does then: a handshake that drips, a request not taken. */
    private static final class End implements AutoCloseable {
        private final Thread thread;

        End(Socket socket, long deadline) {
            thread = Thread.ofVirtual().start(() -> {
                try {
                    Thread.sleep(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
                    socket.close();
                } catch (InterruptedException | IOException e) {
                    // It has ended, or is closed already.
                    Thread.currentThread().interrupt();
                }
            });
        }

        @Override
        public void close() {
            thread.interrupt();
        }
    }

    /** Every read may take what is left, so a server that drips bytes gains nothing. */
    private static final class Deadlined extends InputStream {
        private final Socket socket;
        private final InputStream in;
        private final long deadline;

        Deadlined(Socket socket, long deadline) throws IOException {
            this.socket = socket;
            this.deadline = deadline;
            in = new BufferedInputStream(socket.getInputStream(), BLOCK);
        }

        @Override
        public int read() throws IOException {
            socket.setSoTimeout(remaining(deadline));
            return in.read();
        }

        @Override
        public int read(byte[] into, int from, int count) throws IOException {
            socket.setSoTimeout(remaining(deadline));
            return in.read(into, from, count);
        }
    }

    private Answer read(InputStream in, String path) throws IOException {
        int[] room = {MAX_HEADER_BYTES};
        var status = line(in, room).split(" ", 3);
        if (status.length < 2 || !status[0].startsWith("HTTP/1.") || !status[1].matches("\\d{3}")) {
            throw new IOException("no HTTP/1.1 answer");
        }
        int code = Integer.parseInt(status[1]);
        var headers = headers(in, room);
        if (REDIRECTS.contains(code) && headers.containsKey("location")) {
            try {
                return new Answer(null, new URI(headers.get("location").strip()));
            } catch (URISyntaxException e) {
                throw new IOException("a redirect to nowhere", e);
            }
        }
        if (code != 200) {
            throw ApiException.badField(path, "answered with status " + code, "200");
        }
        if (!headers.getOrDefault("content-encoding", "identity").equalsIgnoreCase("identity")) {
            throw ApiException.badField(path, "an encoded answer", "the file as it is");
        }
        var bytes = headers.getOrDefault("transfer-encoding", "")
                        .toLowerCase(Locale.ROOT)
                        .contains("chunked")
                ? chunked(in, path)
                : plain(in, headers.get("content-length"), path);
        return new Answer(new Fetched(bytes, headers.getOrDefault("content-type", "")), null);
    }

    private static Map<String, String> headers(InputStream in, int[] room) throws IOException {
        var headers = new HashMap<String, String>();
        for (var line = line(in, room); !line.isEmpty(); line = line(in, room)) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                headers.put(
                        line.substring(0, colon).strip().toLowerCase(Locale.ROOT),
                        line.substring(colon + 1).strip());
            }
        }
        return headers;
    }

    private static String line(InputStream in, int[] room) throws IOException {
        var line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0 || --room[0] < 0) {
                throw new IOException("headers without end");
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    private ByteString plain(InputStream in, String length, String path) throws IOException {
        long announced = length != null && length.matches("\\d{1,18}") ? Long.parseLong(length) : -1;
        if (announced > maxBytes) {
            throw tooLarge(path);
        }
        var out = ByteString.newOutput();
        copy(in, announced < 0 ? maxBytes + 1 : announced, out, path);
        if (announced >= 0 && out.size() < announced) {
            throw new IOException("the answer is cut short");
        }
        return out.toByteString();
    }

    private ByteString chunked(InputStream in, String path) throws IOException {
        var out = ByteString.newOutput();
        int[] room = {MAX_HEADER_BYTES};
        while (true) {
            room[0] = MAX_HEADER_BYTES;
            var size = line(in, room).split(";", 2)[0].strip();
            if (!size.matches("[0-9a-fA-F]{1,8}")) {
                throw new IOException("no chunk");
            }
            long count = Long.parseLong(size, 16);
            if (count == 0) {
                return out.toByteString();
            }
            long before = out.size();
            copy(in, count, out, path);
            if (out.size() - before < count || !line(in, room).isEmpty()) {
                throw new IOException("the answer is cut short");
            }
        }
    }

    private void copy(InputStream in, long count, ByteString.Output out, String path) throws IOException {
        byte[] block = new byte[BLOCK];
        long left = count;
        while (left > 0) {
            int read = in.read(block, 0, (int) Math.min(block.length, left));
            if (read < 0) {
                return;
            }
            left -= read;
            if (out.size() + (long) read > maxBytes) {
                throw tooLarge(path);
            }
            out.write(block, 0, read);
        }
    }

    private ApiException tooLarge(String path) {
        return ApiException.badField(path, "more than " + maxBytes + " bytes", "at most " + maxBytes);
    }
}
