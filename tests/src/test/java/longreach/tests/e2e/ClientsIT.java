package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import longreach.gateway.auth.KeyFile;
import longreach.gateway.auth.Tenant.Limits;
import longreach.standalone.StandaloneServer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * The newest Python, JavaScript and Java SDKs, unmodified, through the cases of {@code clients/conformance}; its script
 * runs every client. A client that cannot be fetched here is a skip that says why.
 */
class ClientsIT {
    private static final Path RUNNER = Path.of("..", "clients", "conformance", "run.py");
    private static final int PATIENCE_MINUTES = 8;
    // The cases' long prompt has more.
    private static final Map<String, String> LIMITS = Map.of("lm-core.long.max-tokens", "16384");

    @BeforeAll
    static void weights() {
        TestWeights.require();
        assumeTrue(pythonIsThere(), "python3 is not installed: no client is run");
    }

    private static boolean pythonIsThere() {
        return Stream.of(System.getenv("PATH").split(":"))
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, "python3")));
    }

    @TestFactory
    List<DynamicTest> unmodifiedClients(@TempDir Path data) throws IOException, InterruptedException {
        var keys = new KeyFile(data.resolve("keys.json"), Clock.systemUTC());
        var key = keys.create("ada", "", Limits.NONE).key();
        var limited = keys.create("bob", "", new Limits(1, 0, 0)).key();
        try (var server = StandaloneServer.start(data, LIMITS)) {
            var lines = run(
                    data,
                    Map.of(
                            "LONGREACH_URL",
                            server.url(),
                            "LONGREACH_GRPC",
                            "127.0.0.1:" + server.grpcPort(),
                            "LONGREACH_KEY",
                            key,
                            "LONGREACH_LIMITED_KEY",
                            limited,
                            "JAVA_HOME",
                            System.getProperty("java.home")));
            return lines.stream().map(ClientsIT::test).toList();
        }
    }

    private static List<JsonNode> run(Path data, Map<String, String> environment)
            throws IOException, InterruptedException {
        var out = data.resolve("cases.jsonl");
        var errors = data.resolve("errors.txt");
        var builder = new ProcessBuilder("python3", RUNNER.toAbsolutePath().toString(), "--core")
                .redirectOutput(out.toFile())
                .redirectError(errors.toFile());
        builder.environment().putAll(environment);
        var process = builder.start();
        if (!process.waitFor(PATIENCE_MINUTES, TimeUnit.MINUTES)) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor();
        }
        var lines = Files.readAllLines(out).stream().map(Rest.JSON::readTree).toList();
        assertThat(lines).as(Files.readString(errors)).isNotEmpty();
        return lines;
    }

    private static DynamicTest test(JsonNode line) {
        var outcome = line.path("outcome").asString("");
        var reason = line.path("reason").asString("");
        var name = line.path("client").asString() + " " + line.path("version").asString() + ": "
                + line.path("case").asString();
        return dynamicTest(name, () -> {
            assumeFalse(outcome.equals("unavailable") || outcome.equals("n/a"), reason);
            assertThat(outcome).as(reason).isEqualTo("pass");
        });
    }
}
