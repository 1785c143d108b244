package longreach.gateway.fetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import longreach.gateway.error.ApiException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UrlFetcherTest {
    private static final int MAX = 100_000;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private HttpServer server;
    private int port;
    private final AtomicInteger asked = new AtomicInteger();

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        port = server.getAddress().getPort();
        server.createContext("/text", exchange -> {
            asked.incrementAndGet();
            exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
            byte[] body = "the lamp".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.createContext("/chunked", exchange -> {
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write("in ".getBytes());
            exchange.getResponseBody().flush();
            exchange.getResponseBody().write("pieces".getBytes());
            exchange.close();
        });
        server.createContext("/large", exchange -> {
            exchange.sendResponseHeaders(200, 0);
            try (var out = exchange.getResponseBody()) {
                for (int i = 0; i < 100; i++) {
                    out.write(new byte[10_000]);
                }
            }
        });
        server.createContext("/announced", exchange -> {
            exchange.sendResponseHeaders(200, MAX + 1);
            exchange.getResponseBody().write(1);
            exchange.getResponseBody().flush();
            exchange.close();
        });
        server.createContext("/missing", exchange -> {
            exchange.sendResponseHeaders(404, -1);
            exchange.close();
        });
        server.createContext("/loop", exchange -> {
            exchange.getResponseHeaders().set("Location", "/loop");
            exchange.sendResponseHeaders(302, -1);
            exchange.close();
        });
        server.createContext("/to", exchange -> {
            exchange.getResponseHeaders()
                    .set("Location", exchange.getRequestURI().getRawQuery());
            exchange.sendResponseHeaders(302, -1);
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private String url(String path) {
        return "http://127.0.0.1:" + port + path;
    }

    private UrlFetcher fetcher() {
        return new UrlFetcher(true, List.of("127.0.0.1:" + port), MAX, LIMIT);
    }

    private static String fetched(UrlFetcher fetcher, String url) throws InterruptedException {
        return fetcher.fetch(url, "uri").bytes().toStringUtf8();
    }

    private void assertRefused(UrlFetcher fetcher, String url, String because) {
        assertThatThrownBy(() -> fetcher.fetch(url, "uri"))
                .isInstanceOf(ApiException.class)
                .hasMessageStartingWith("uri: ")
                .hasMessageContaining(because);
    }

    @Test
    void whatIsAllowedIsFetched() throws Exception {
        assertThat(fetcher().fetch(url("/text"), "uri").contentType()).isEqualTo("text/plain; charset=utf-8");
        assertThat(fetched(fetcher(), url("/text"))).isEqualTo("the lamp");
        assertThat(fetched(fetcher(), url("/chunked"))).isEqualTo("in pieces");
        assertThat(fetched(fetcher(), url("/to?/text"))).isEqualTo("the lamp");
    }

    @Test
    void nothingIsFetchedUnlessItIsTurnedOn() {
        assertRefused(
                new UrlFetcher(false, List.of("127.0.0.1:" + port), MAX, LIMIT), url("/text"), "gateway.fetch.on");
        assertThat(asked).hasValue(0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://127.0.0.1/x",
                "http://localhost/x",
                "http://10.0.0.1/x",
                "http://172.20.1.1/x",
                "http://192.168.1.1/x",
                "http://169.254.169.254/latest/meta-data",
                "http://100.64.0.1/x",
                "http://0.0.0.0/x",
                "http://[::1]/x",
                "http://[::]/x",
                "http://[fe80::1]/x",
                "http://[fd00::1]/x",
                "http://[::ffff:127.0.0.1]/x",
                "http://[64:ff9b::7f00:1]/x",
                "http://[2002:7f00:1::]/x",
                "https://127.0.0.1/x"
            })
    void innerAddressesAreNotReached(String url) {
        var open = new UrlFetcher(true, List.of(), MAX, LIMIT);
        assertRefused(open, url, "not public");
        // A redirect is an address like any other.
        assertRefused(fetcher(), url("/to?" + url), "not public");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://2130706433/x",
                "http://0x7f.0.0.1/x",
                "http://user@127.0.0.1/x",
                "file:///etc/passwd",
                "ftp://example.com/x",
                "http:///x",
                "http://exa mple/x",
                "gopher://127.0.0.1:70/"
            })
    void otherAddressesAreNoAddresses(String url) {
        assertRefused(new UrlFetcher(true, List.of(), MAX, LIMIT), url, "address");
    }

    @Test
    void anotherPortIsRefused() {
        assertRefused(new UrlFetcher(true, List.of(), MAX, LIMIT), "http://93.184.216.34:6379/x", "port 6379");
    }

    @Test
    void aNameIsLookedUpOnceAndEveryAnswerMustBePublic() throws Exception {
        var lookups = new AtomicInteger();
        UrlFetcher.Resolver changing = host -> {
            // Public when it is checked, inside when it is connected to: the second answer is never asked for.
            return new InetAddress[] {InetAddress.getByName(lookups.incrementAndGet() == 1 ? "127.0.0.1" : "10.0.0.1")};
        };
        var pinned = new UrlFetcher(true, List.of("files.test:" + port), MAX, LIMIT, changing);
        assertThat(fetched(pinned, "http://files.test:" + port + "/text")).isEqualTo("the lamp");
        assertThat(lookups).hasValue(1);

        UrlFetcher.Resolver mixed =
                host -> new InetAddress[] {InetAddress.getByName("93.184.216.34"), InetAddress.getByName("10.0.0.1")};
        assertRefused(new UrlFetcher(true, List.of(), MAX, LIMIT, mixed), "http://mixed.test/x", "not public");
        UrlFetcher.Resolver none = host -> {
            throw new UnknownHostException(host);
        };
        assertRefused(new UrlFetcher(true, List.of(), MAX, LIMIT, none), "http://none.test/x", "cannot be fetched");
    }

    @Test
    void sizesAreBounded() {
        assertRefused(fetcher(), url("/large"), "more than " + MAX);
        assertRefused(fetcher(), url("/announced"), "more than " + MAX);
    }

    @Test
    void whatDoesNotAnswerWellIsTold() {
        assertRefused(fetcher(), url("/missing"), "status 404");
        assertRefused(fetcher(), url("/loop"), "redirects");
    }

    @Test
    void timeIsBoundedWhateverDrips() throws Exception {
        try (var silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            var dripping = Thread.ofVirtual().start(() -> {
                try (var socket = silent.accept()) {
                    var out = socket.getOutputStream();
                    out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes());
                    while (true) {
                        out.write('x');
                        out.flush();
                        Thread.sleep(50);
                    }
                } catch (IOException | InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            var short_ =
                    new UrlFetcher(true, List.of("127.0.0.1:" + silent.getLocalPort()), MAX, Duration.ofMillis(700));
            assertThatThrownBy(() -> short_.fetch("http://127.0.0.1:" + silent.getLocalPort() + "/", "uri"))
                    .isInstanceOf(ApiException.class);
            dripping.interrupt();
        }
    }
}
