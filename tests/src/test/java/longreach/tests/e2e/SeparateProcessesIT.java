package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import longreach.tests.deploy.ComposeFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redis.embedded.core.ExecutableProvider;
import tools.jackson.databind.JsonNode;

/**
 * The processes of docker-compose.yml on this machine: the same commands over the same distribution, with a real Redis;
 * only addresses, ports and folders differ.
 */
class SeparateProcessesIT {
    private static final String QUESTION = "Who is the harbour master?";
    private static final String API_KEY = "key-of-the-test";
    private static final long PATIENCE_SECONDS = 300;

    @TempDir
    Path directory;

    private final Map<String, Integer> ports = new HashMap<>();
    private final Map<String, ServiceProcess> processes = new LinkedHashMap<>();
    private ComposeFile compose;

    @BeforeEach
    void prepare() throws IOException {
        TestWeights.require();
        compose = ComposeFile.read();
        Path secrets = Files.createDirectory(directory.resolve("secrets"));
        Files.writeString(secrets.resolve("gateway.api-key"), API_KEY + "\n");
        Files.writeString(secrets.resolve("redis-password"), "0123456789abcdef\n");
        Files.writeString(secrets.resolve("store-secret"), "5a".repeat(32) + "\n");
        for (String port : List.of("6379", "8080", "9090", "9101", "9102", "9103", "9104")) {
            ports.put(port, ServiceProcess.freePort());
        }
    }

    @AfterEach
    void stop() throws Exception {
        for (var process : new ArrayList<>(processes.values()).reversed()) {
            process.close();
        }
    }

    @Test
    void aSecondLmCoreRestoresWhatTheFirstPrefilled() throws Exception {
        told(this::askRestartAndAskAgain);
    }

    /** Each of them in the middle of the prefill; the last one computes only what the two before had not published. */
    @Test
    void aPrefillInTheBackgroundOutlivesLmCoreAndTheGateway() throws Exception {
        told(this::prefillAcrossTwoDeaths);
    }

    private interface Steps {
        void run() throws Exception;
    }

    private void told(Steps steps) throws Exception {
        try {
            steps.run();
        } catch (Throwable failure) {
            for (var process : processes.values()) {
                System.err.println(process.state());
            }
            throw failure;
        }
    }

    private void prefillAcrossTwoDeaths() throws Exception {
        startRedis();
        var services = List.of("context-store", "lm-core", "gateway");
        for (String service : services) {
            start(service);
        }
        for (String service : services) {
            awaitHealthy(service);
        }
        try (var rest = new Rest("http://127.0.0.1:" + ports.get("8080"), API_KEY)) {
            var made = rest.post("/v1beta/cachedContents", longContent());
            assertThat(made.status()).as("%s", made.body()).isEqualTo(200);
            String name = made.body().path("name").asString();
            int total =
                    made.body().path("usageMetadata").path("totalTokenCount").asInt();

            int reached = awaitDone(rest, name, total / 4);
            processes.remove("lm-core").kill();
            assertThat(reached).isLessThan(total);
            start("lm-core");
            JsonNode second = awaitRestored(rest, name, 1);
            int restored = second.path("restoredTokens").asInt();
            assertThat(second.path("state").asString()).isEqualTo("PREFILLING");

            reached = awaitDone(rest, name, restored + (total - restored) / 3);
            processes.remove("gateway").kill();
            assertThat(reached).isLessThan(total);
            start("gateway");
            awaitHealthy("gateway");
            JsonNode last = awaitRestored(rest, name, restored + 1);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
            while (!last.path("state").asString().equals("READY")) {
                assertThat(System.nanoTime()).as("%s", last).isLessThan(deadline);
                Thread.sleep(100);
                last = progress(rest, name);
            }
            System.out.printf(
                    "%d tokens: lm-core killed, %d restored; gateway killed, %d restored%n",
                    total, restored, last.path("restoredTokens").asInt());
            assertThat(last.path("doneTokens").asInt()).isEqualTo(total);
            var asked = Rest.JSON.createObjectNode().put("cachedContent", name);
            asked.putArray("contents")
                    .addObject()
                    .put("role", "user")
                    .putArray("parts")
                    .addObject()
                    .put("text", "Who keeps the light?");
            asked.putObject("generationConfig").put("maxOutputTokens", 4);
            var answer = rest.generate(asked);
            assertThat(answer.status()).as("%s", answer.body()).isEqualTo(200);
            assertThat(answer.body()
                            .path("usageMetadata")
                            .path("cachedContentTokenCount")
                            .asInt())
                    .isEqualTo(total);
            assertThat(rest.post("/v1beta/" + name + ":erase", "{}")
                            .body()
                            .path("chunks")
                            .asInt())
                    .isGreaterThanOrEqualTo(total / 256);
        }
    }

    /** Some seconds of work, and no two pages of it alike. */
    private static String longContent() {
        var text = new StringBuilder();
        for (int page = 1; page <= 450; page++) {
            text.append("Page ")
                    .append(page)
                    .append(" of the log: the light was lit at sunset, ")
                    .append(page * 7919 % 97)
                    .append(" ships passed, and the keeper slept well. ");
        }
        var body = Rest.JSON
                .createObjectNode()
                .put("model", "models/smollm2-135m")
                .put("ttl", "600s")
                .put("longreachBackground", true);
        body.putArray("contents")
                .addObject()
                .put("role", "user")
                .putArray("parts")
                .addObject()
                .put("text", text.toString());
        return Rest.JSON.writeValueAsString(body);
    }

    private static JsonNode progress(Rest rest, String name) {
        var reply = rest.get("/v1beta/" + name);
        assertThat(reply.status()).as("%s", reply.body()).isEqualTo(200);
        JsonNode progress = reply.body().path("longreachProgress");
        assertThat(progress.path("state").asString()).as("%s", progress).isNotEqualTo("FAILED");
        return progress;
    }

    private static int awaitDone(Rest rest, String name, int tokens) throws InterruptedException {
        return awaitCount(rest, name, "doneTokens", tokens).path("doneTokens").asInt();
    }

    private static JsonNode awaitRestored(Rest rest, String name, int tokens) throws InterruptedException {
        return awaitCount(rest, name, "restoredTokens", tokens);
    }

    private static JsonNode awaitCount(Rest rest, String name, String field, int tokens) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (true) {
            JsonNode progress = progress(rest, name);
            if (progress.path(field).asInt(0) >= tokens) {
                return progress;
            }
            assertThat(System.nanoTime()).as("%s", progress).isLessThan(deadline);
            Thread.sleep(50);
        }
    }

    private void askRestartAndAskAgain() throws Exception {
        startRedis();
        var services = compose.javaServices().keySet();
        for (String service : services) {
            start(service);
        }
        for (String service : services) {
            awaitHealthy(service);
        }
        try (var rest = new Rest("http://127.0.0.1:" + ports.get("8080"), API_KEY)) {
            var health = rest.get("/actuator/health")
                    .body()
                    .path("components")
                    .path("services")
                    .path("details");
            assertThat(health.path("vision-encoder").asString(""))
                    .as("%s", health)
                    .startsWith("up: ");
            assertThat(health.path("audio-encoder").asString(""))
                    .as("%s", health)
                    .startsWith("up: ");

            JsonNode file = rest.ingest(TestWeights.sample("report.pdf"), "application/pdf");
            assertThat(file.path("state").asString()).as("%s", file).isEqualTo("ACTIVE");
            JsonNode first = answer(rest, file);
            assertThat(Rest.text(first)).isNotBlank();
            assertThat(restored(first)).isZero();
            awaitStored(rest, file);

            processes.remove("lm-core").kill();
            start("lm-core");
            awaitHealthy("lm-core");
            awaitHealthy("gateway");

            JsonNode restarted = answer(rest, file);
            assertThat(Rest.text(restarted)).isEqualTo(Rest.text(first));
            assertThat(restarted
                            .path("usageMetadata")
                            .path("cachedContentTokenCount")
                            .asInt(0))
                    .as("%s", restarted)
                    .isPositive();
            JsonNode receipt = restarted.path("longreachReceipt");
            assertThat(receipt.path("tokensByTier").path("redis").asInt(0))
                    .as("%s", receipt)
                    .isPositive();
            assertThat(receipt.path("chunksRestored").asInt(0))
                    .as("%s", receipt)
                    .isPositive();

            JsonNode again = rest.ingest(TestWeights.sample("report.pdf"), "application/pdf");
            assertThat(again.path("longreachMedia").path("fromCache").asBoolean(false))
                    .as("%s", again)
                    .isTrue();
        }
        try (var stranger = new Rest("http://127.0.0.1:" + ports.get("8080"), "another key")) {
            assertThat(stranger.get("/v1beta/files").status()).isEqualTo(400);
        }
    }

    private static JsonNode answer(Rest rest, JsonNode file) {
        var reply = rest.generate(Rest.question(file, QUESTION));
        assertThat(reply.status()).as("%s", reply.body()).isEqualTo(200);
        return reply.body();
    }

    private static int restored(JsonNode answer) {
        return answer.path("longreachReceipt").path("tokensRestored").asInt(0);
    }

    /** Chunks are written behind the answer's back, and this lm-core gets no time for it at its end. */
    private static void awaitStored(Rest rest, JsonNode file) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (true) {
            JsonNode answer = answer(rest, file);
            if (restored(answer) > 0) {
                return;
            }
            assertThat(System.nanoTime()).as("%s", answer).isLessThan(deadline);
            Thread.sleep(100);
        }
    }

    private void startRedis() throws IOException {
        Path bin = Files.createDirectory(directory.resolve("bin"));
        Path data = Files.createDirectory(directory.resolve("data"));
        var provider = ExecutableProvider.newJarResourceProvider(bin.toFile());
        Files.createSymbolicLink(bin.resolve("redis-server"), provider.get().toPath());
        var command = new ArrayList<>(compose.command("redis"));
        command.addLast(here(command.removeLast())
                        .replace(
                                "/tmp/redis.conf",
                                directory.resolve("redis.conf").toString())
                        .replace("--dir /data", "--dir " + data)
                + " --bind 127.0.0.1 --port " + ports.get("6379"));
        var path = Map.of("PATH", bin + ":" + System.getenv("PATH"));
        processes.put("redis", new ServiceProcess("redis", directory, command, path));
    }

    private void start(String service) throws IOException {
        var described = compose.java(service);
        var settings = new LinkedHashMap<String, String>();
        described.settings().forEach((key, value) -> settings.put(key, here(value)));
        if (settings.containsKey("context-store.redis")) {
            // This machine may do much else, and a store that is too slow is a miss.
            settings.put("context-store.connect-timeout", "10s");
            settings.put("context-store.stall-timeout", "10s");
            settings.put("context-store.lookup-timeout", "30s");
        }
        if (service.equals("gateway")) {
            settings.put("gateway.ingest.takeover", "2s");
        }
        var command = new ArrayList<>(ComposeFile.entrypoint());
        command.add(described.mainClass());
        settings.forEach((key, value) -> command.add("--" + key + "=" + value));
        // Only lm-core has loops that are worth the second compiler; the others start in half the time without it.
        var environment = service.equals("lm-core")
                // A restarted one that measured another way of multiplying as faster would find nothing of the first's.
                ? Map.of("JDK_JAVA_OPTIONS", "-Dlongreach.kernels=vector")
                : Map.of("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC");
        processes.put(service, new ServiceProcess(service, directory, command, environment));
    }

    /** A value of the compose file as it is on this machine. */
    private String here(String value) {
        String text = value.replace("0.0.0.0", "127.0.0.1")
                .replace("/run/secrets", directory.resolve("secrets").toString())
                .replace("/var/lib/longreach/files", directory.resolve("files").toString());
        for (var port : ports.entrySet()) {
            if (text.equals(port.getKey())) {
                return port.getValue().toString();
            }
            text = text.replaceAll("[a-z-]+:" + port.getKey() + "$", "127.0.0.1:" + port.getValue());
        }
        return text;
    }

    /** Waits until the service's healthcheck passes. */
    private void awaitHealthy(String service) throws Exception {
        @SuppressWarnings("unchecked")
        var check =
                (List<String>) ((Map<String, Object>) compose.service(service).get("healthcheck")).get("test");
        var command = new ArrayList<>(check.subList(1, check.size()));
        command.set(0, ComposeFile.ROOT.resolve("deploy/docker/healthy").toString());
        command.set(1, here(command.get(1)));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor()
                != 0) {
            assertThat(processes.get(service).alive())
                    .as("%s is alive", service)
                    .isTrue();
            assertThat(System.nanoTime()).as("%s is healthy", service).isLessThan(deadline);
            Thread.sleep(250);
        }
    }
}
