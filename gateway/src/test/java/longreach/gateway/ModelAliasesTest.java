package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import longreach.gateway.models.ModelAliases;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelAliasesTest {
    private static final String ASK = """
            {"contents":[{"parts":[{"text":"a"}]}],"content":{"parts":[{"text":"a"}]}}""";

    @Test
    void aProgramThatNamesAnotherModelIsServed(@TempDir Path data) throws Exception {
        var aliases = "gemini-embedding-*=" + FakeEmbedder.MODEL + ",gemini-*=" + FakeLmCore.MODEL;
        try (var services = new FakeServices();
                var gateway = new RunningGateway(services, data, Map.of("gateway.model-alias", aliases))) {
            var answer = gateway.post("/v1beta/models/gemini-9-flash:generateContent", ASK);
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(RunningGateway.json(answer).get("modelVersion").getAsString())
                    .contains(FakeLmCore.MODEL);

            var counted = gateway.post("/v1beta/models/gemini-9-flash:countTokens", ASK);
            assertThat(counted.statusCode()).as(counted.body()).isEqualTo(200);
            var embedded = gateway.post("/v1beta/models/gemini-embedding-9:embedContent", ASK);
            assertThat(embedded.statusCode()).as(embedded.body()).isEqualTo(200);

            var described = RunningGateway.json(gateway.get("/v1beta/models/gemini-9-flash"));
            assertThat(described.get("name").getAsString()).isEqualTo("models/" + FakeLmCore.MODEL);

            var unknown = gateway.post("/v1beta/models/claude:generateContent", ASK);
            assertThat(unknown.statusCode()).isEqualTo(404);
            assertThat(unknown.body()).contains("models/claude");
        }
    }

    @Test
    void whatIsNoAliasIsRefusedAtTheStart() {
        for (var wrong : List.of("gemini", "a*b=c", "=c", "a=", "a=b=c", "a=b*")) {
            assertThatThrownBy(() -> ModelAliases.of(List.of(wrong)))
                    .as(wrong)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("gateway.model-alias: " + wrong);
        }
    }
}
