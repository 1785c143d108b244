package longreach.standalone;

import com.sun.management.OperatingSystemMXBean;
import io.grpc.ManagedChannel;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import longreach.gateway.GatewayApplication;
import longreach.standalone.load.HttpLine;
import longreach.standalone.load.StubCore;
import longreach.v1.GenerateDown;
import longreach.v1.GenerateUp;
import longreach.v1.LmCoreGrpc;
import longreach.v1.Open;
import longreach.v1.RenderPart;
import longreach.v1.RenderRequest;
import longreach.v1.Turn;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What the gateway itself costs, in front of a core that computes nothing. */
@Command(
        name = "gateway",
        description = "The gateway before a core that answers at once: added latency, requests a second, many streams.")
final class GatewaySpeed implements Callable<Integer> {
    private static final String QUESTION = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"What is a"
            + " lighthouse?\"}]}],\"generationConfig\":{\"temperature\":0,\"maxOutputTokens\":%d}}";
    private static final int ANSWER = 4;
    private static final int MOST_WARM_UPS = 8;
    private static final OperatingSystemMXBean PROCESS =
            ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

    @Option(names = "--seconds", paramLabel = "N", description = "Of each measurement (default: ${DEFAULT-VALUE}).")
    private int seconds = 8;

    @Option(
            names = "--connections",
            paramLabel = "N",
            description = "That ask at the same time (default: ${DEFAULT-VALUE}).")
    private int connections = 16;

    @Option(
            names = "--streams",
            paramLabel = "N",
            description = "Streams at the same time (default: ${DEFAULT-VALUE}).")
    private int streams = 1000;

    @Option(names = "--tokens", paramLabel = "N", description = "Tokens of each stream (default: ${DEFAULT-VALUE}).")
    private int tokens = 40;

    private int port;

    @Override
    public Integer call() throws Exception {
        if (seconds < 1 || connections < 1 || streams < 1 || tokens < 1) {
            throw CommandException.usage("--seconds, --connections, --streams, --tokens: expected: at least 1");
        }
        Path data = Files.createTempDirectory("longreach-bench");
        var services = new Services(Map.of());
        try (services;
                var core = new StubCore(services.name("lm-core"))) {
            start(services, data);
            warmUp();
            var direct = direct(services.name("lm-core"));
            var through = sequential();
            System.out.println("| one at a time, ms | median | 90 % | 99 % |");
            System.out.println("|---|---|---|---|");
            print("the core alone", direct);
            print("through the gateway", through);
            System.out.printf(Locale.ROOT, "%nadded: %.2f ms (median)%n", millis(through, 0.5) - millis(direct, 0.5));
            var load = together();
            System.out.printf(
                    Locale.ROOT,
                    "%d connections: %.0f requests/s, %.0f us of processor time each, client and core included%n",
                    connections,
                    load.perSecond(),
                    load.processorMicros());
            core.pace(50);
            streams();
        } finally {
            try (var left = Files.walk(data)) {
                left.sorted(java.util.Comparator.reverseOrder())
                        .forEach(path -> path.toFile().delete());
            }
        }
        return 0;
    }

    private void start(Services services, Path data) {
        var settings = new TreeMap<String, String>();
        for (var service : List.of("context-store", "lm-core", "vision-encoder", "audio-encoder")) {
            settings.put("gateway." + service, "in-process:" + services.name(service));
        }
        settings.put("gateway.data", data.toString());
        settings.put("server.address", "127.0.0.1");
        settings.put("server.port", "0");
        settings.put("spring.grpc.server.port", "0");
        var gateway = services.startOpen(new Services.Application(GatewayApplication::builder, settings));
        port = Integer.parseInt(gateway.getEnvironment().getRequiredProperty("local.server.port"));
    }

    private static byte[] question(int tokens) {
        return HttpLine.post("/v1beta/models/" + StubCore.MODEL + ":generateContent", QUESTION.formatted(tokens));
    }

    /** The rate counts once the code is compiled, which shows in that a request takes no less time than before. */
    private void warmUp() throws IOException, InterruptedException, ExecutionException {
        double before = Double.MAX_VALUE;
        for (int i = 0; i < MOST_WARM_UPS; i++) {
            var load = together();
            System.err.printf(
                    Locale.ROOT, "warming up: %.0f requests/s, %.0f us%n", load.perSecond(), load.processorMicros());
            if (load.processorMicros() > before * 0.95) {
                return;
            }
            before = load.processorMicros();
        }
    }

    /** What the gateway asks of the core for such a question, asked directly. @return sorted nanoseconds */
    private long[] direct(String core) throws InterruptedException {
        ManagedChannel channel = InProcessChannelBuilder.forName(core)
                .executor(Executors.newVirtualThreadPerTaskExecutor())
                .build();
        try {
            var times = new ArrayList<Long>();
            long end = System.nanoTime() + seconds * 1_000_000_000L;
            while (System.nanoTime() < end) {
                long began = System.nanoTime();
                var rendered = LmCoreGrpc.newBlockingStub(channel)
                        .render(RenderRequest.newBuilder()
                                .setModel(StubCore.MODEL)
                                .addTurns(Turn.newBuilder()
                                        .setRole(Turn.Role.USER)
                                        .addParts(RenderPart.newBuilder().setText("What is a lighthouse?")))
                                .build());
                var done = new CountDownLatch(1);
                var up = LmCoreGrpc.newStub(channel).generate(new StreamObserver<GenerateDown>() {
                    @Override
                    public void onNext(GenerateDown down) {}

                    @Override
                    public void onError(Throwable error) {
                        done.countDown();
                    }

                    @Override
                    public void onCompleted() {
                        done.countDown();
                    }
                });
                up.onNext(GenerateUp.newBuilder()
                        .setOpen(Open.newBuilder()
                                .setModel(StubCore.MODEL)
                                .setTenant("bench")
                                .setMaxTokens(ANSWER)
                                .addAllSegments(rendered.getSegmentsList()))
                        .build());
                up.onCompleted();
                done.await();
                times.add(System.nanoTime() - began);
            }
            return sorted(times);
        } finally {
            channel.shutdownNow();
        }
    }

    private long[] sequential() throws IOException {
        var times = new ArrayList<Long>();
        var request = question(ANSWER);
        try (var line = new HttpLine("127.0.0.1", port)) {
            long end = System.nanoTime() + seconds * 1_000_000_000L;
            while (System.nanoTime() < end) {
                long began = System.nanoTime();
                line.ask(request);
                times.add(System.nanoTime() - began);
            }
        }
        return sorted(times);
    }

    /** @param processorMicros of this process, for each request */
    private record Load(double perSecond, double processorMicros) {}

    private Load together() throws IOException, InterruptedException, ExecutionException {
        var request = question(ANSWER);
        var asked = new AtomicLong();
        long before = PROCESS.getProcessCpuTime();
        long began = System.nanoTime();
        long end = began + seconds * 1_000_000_000L;
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var running = new ArrayList<Future<Void>>();
            for (int i = 0; i < connections; i++) {
                running.add(threads.submit(() -> {
                    try (var line = new HttpLine("127.0.0.1", port)) {
                        while (System.nanoTime() < end) {
                            line.ask(request);
                            asked.incrementAndGet();
                        }
                    }
                    return null;
                }));
            }
            for (var each : running) {
                each.get();
            }
        }
        double took = (System.nanoTime() - began) / 1e9;
        return new Load(asked.get() / took, (PROCESS.getProcessCpuTime() - before) / 1e3 / asked.get());
    }

    /** All at once; each must bring every word once, in order. */
    private void streams() throws InterruptedException, ExecutionException {
        var request = HttpLine.post(
                "/v1beta/models/" + StubCore.MODEL + ":streamGenerateContent?alt=sse", QUESTION.formatted(tokens));
        var expected = new StringBuilder();
        for (int i = 0; i < tokens; i++) {
            expected.append('w').append(i).append(' ');
        }
        long began = System.nanoTime();
        int whole = 0;
        var failures = new ArrayList<String>();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var running = new ArrayList<Future<Boolean>>();
            for (int i = 0; i < streams; i++) {
                running.add(threads.submit(() -> {
                    var said = new StringBuilder();
                    try (var line = new HttpLine("127.0.0.1", port)) {
                        line.ask(request, piece -> said.append(words(piece)));
                    }
                    return said.toString().contentEquals(expected);
                }));
            }
            for (var each : running) {
                try {
                    whole += each.get() ? 1 : 0;
                } catch (ExecutionException e) {
                    failures.add(e.getCause().toString());
                }
            }
        }
        double took = (System.nanoTime() - began) / 1e9;
        System.out.printf(
                Locale.ROOT,
                "%d streams of %d tokens, one each 50 ms: %d whole, %d lost, %.1f s (%.1f s when nothing else costs)%n",
                streams,
                tokens,
                whole,
                streams - whole,
                took,
                tokens * 0.05);
        failures.stream().distinct().limit(3).forEach(failure -> System.out.println("  " + failure));
        if (whole < streams) {
            throw CommandException.failed(streams - whole + " streams were not whole");
        }
    }

    private static String words(String piece) {
        var words = new StringBuilder();
        String mark = "\"text\":\"";
        for (int at = piece.indexOf(mark); at >= 0; at = piece.indexOf(mark, at + 1)) {
            words.append(piece, at + mark.length(), piece.indexOf('"', at + mark.length()));
        }
        return words.toString();
    }

    private static long[] sorted(List<Long> times) {
        long[] out = times.stream().mapToLong(Long::longValue).toArray();
        Arrays.sort(out);
        return out;
    }

    private static double millis(long[] sorted, double share) {
        return sorted[(int) Math.min(sorted.length - 1L, (long) (sorted.length * share))] / 1e6;
    }

    private static void print(String what, long[] sorted) {
        System.out.printf(
                Locale.ROOT,
                "| %s | %.2f | %.2f | %.2f |%n",
                what,
                millis(sorted, 0.5),
                millis(sorted, 0.9),
                millis(sorted, 0.99));
    }
}
