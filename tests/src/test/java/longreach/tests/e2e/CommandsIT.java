package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import longreach.standalone.Main;
import longreach.standalone.StandaloneServer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The commands of the terminal, each as a user gives it, against a running server. */
class CommandsIT {
    private static final String FACT =
            "The lighthouse at Skerrow was built in 1874 and its keeper was Ingrid Solberg. ";

    private static final Pattern VALUE = Pattern.compile("^[{\\[] ?[{}\\]]?$", Pattern.MULTILINE);

    @TempDir
    Path data;

    private String url;
    private String key;

    /** What a command printed on standard output, and its exit code. */
    private record Said(int code, String text) {
        JsonNode json() {
            assertThat(code).as("%s", text).isZero();
            // The server in this process logs to the same stream, before and behind.
            var found = VALUE.matcher(text);
            assertThat(found.find()).as("%s", text).isTrue();
            return Rest.JSON.readTree(Rest.JSON.createParser(text.substring(found.start())));
        }
    }

    @BeforeAll
    static void weights() {
        TestWeights.require();
    }

    @Test
    void filesContextsAndKeysFromTheTerminal() throws IOException {
        var created = local("keys", "create", "--tenant", "ada", "--label", "a test", "--bytes", "5MB");
        key = created.path("key").asString();
        assertThat(created.path("limits").path("bytesPerMinute").asLong()).isEqualTo(5 << 20);
        try (var server = StandaloneServer.start(data, Map.of())) {
            url = server.url();
            files();
            contexts();
            var id = created.path("id").asString();
            assertThat(local("keys", "revoke", id).path("active").asBoolean()).isFalse();
            Awaitility.await().until(() -> asked("files", "list").code() == 1);
            assertThat(said("keys", "revoke", id, "--data", data.toString()).code())
                    .isOne();
            assertThat(local("keys", "list").get(0).path("id").asString()).isEqualTo(id);
        }
    }

    private void files() throws IOException {
        var note = Files.writeString(data.resolve("note.txt"), FACT);
        var other = Files.writeString(data.resolve("other.txt"), "The ferry leaves at six.");
        var uploaded = asked("files", "upload", note.toString()).json();
        assertThat(uploaded.path("state").asString()).isEqualTo("ACTIVE");
        var name = uploaded.path("name").asString();
        assertThat(asked("files", "upload", note.toString()).json().path("name").asString())
                .isEqualTo(name);
        var second =
                asked("files", "upload", other.toString()).json().path("name").asString();
        assertThat(asked("files", "get", name.substring("files/".length())).json())
                .isEqualTo(asked("files", "get", name).json());
        assertThat(asked("files", "list").json()).hasSize(2);
        assertThat(asked("files", "delete", name, second).json().path("deleted"))
                .hasSize(2);
        assertThat(asked("files", "get", name).code()).isOne();
        assertThat(asked("files", "delete", name).code()).isOne();
        assertThat(asked("files", "list").json()).isEmpty();
        assertThat(asked("files", "upload", data.resolve("none.txt").toString()).code())
                .isOne();
    }

    private void contexts() throws IOException {
        var note = Files.writeString(data.resolve("long.txt"), FACT.repeat(20));
        var made = asked("cache", "create", note.toString(), "--ttl", "5m", "--name", "light", "--system", "Be short.")
                .json();
        int tokens = made.path("usageMetadata").path("totalTokenCount").asInt();
        assertThat(tokens).isGreaterThan(300);
        assertThat(made.path("longreachProgress").path("state").asString()).isEqualTo("READY");
        var name = made.path("name").asString();
        var answer = asked("cache", "ask", name, "Who was the keeper?", "--max-tokens", "8")
                .json();
        assertThat(answer.path("receipt").path("tokensRestored").asInt())
                .as("%s", answer)
                .isEqualTo(tokens);
        assertThat(asked("cache", "list").json()).hasSize(1);
        var left = asked("cache", "create", note.toString(), "--no-wait").json();
        assertThat(left.path("longreachProgress").path("state").asString()).isEqualTo("QUEUED");
        var waited = asked("cache", "wait", left.path("name").asString()).json();
        // The system instruction comes first and was another.
        assertThat(waited.path("longreachProgress").path("doneTokens").asInt()).isPositive();
        assertThat(asked("cache", "erase", left.path("name").asString())
                        .json()
                        .path("remaining")
                        .asInt(0))
                .isZero();
        var longer = asked("cache", "extend", name, "--ttl", "2h").json();
        assertThat(longer.path("expireTime").asString())
                .isGreaterThan(made.path("expireTime").asString());
        assertThat(asked("cache", "get", name).json()).isEqualTo(longer);
        assertThat(asked("cache", "extend", name, "--ttl", "2x").code()).isEqualTo(2);
        var erased = asked("cache", "erase", name).json();
        assertThat(erased.path("chunks").asInt()).isPositive();
        assertThat(erased.path("remaining").asInt(0)).isZero();
        assertThat(asked("cache", "ask", name, "Who?").code()).isOne();
        assertThat(asked("cache", "erase").code()).isEqualTo(2);
        assertThat(asked("cache", "erase", name, "--all").code()).isEqualTo(2);
        assertThat(asked("cache", "erase", "--all").json().path("files").asInt())
                .isOne();
        assertThat(asked("files", "list").json()).isEmpty();
    }

    private JsonNode local(String... words) {
        var all = new ArrayList<>(List.of(words));
        all.addAll(List.of("--json", "--data", data.toString()));
        return said(all.toArray(String[]::new)).json();
    }

    private Said asked(String... words) {
        var all = new ArrayList<>(List.of(words));
        all.addAll(List.of("--json", "--url", url, "--api-key", key));
        return said(all.toArray(String[]::new));
    }

    private static Said said(String... words) {
        var bytes = new ByteArrayOutputStream();
        var before = System.out;
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            return new Said(Main.run(words), bytes.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(before);
        }
    }
}
