package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import java.nio.file.Path;
import java.util.Map;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.EmbedContentRequest;
import longreach.gemini.v1beta.GenerativeServiceGrpc;
import longreach.gemini.v1beta.Part;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddingsTest {
    private static final String MODEL = "models/" + FakeEmbedder.MODEL;

    @TempDir
    static Path data;

    static FakeServices services;
    static RunningGateway gateway;

    @BeforeAll
    static void start() throws Exception {
        services = new FakeServices();
        gateway = new RunningGateway(services, data, Map.of());
    }

    @AfterAll
    static void stop() {
        gateway.close();
        services.close();
    }

    private static double length(JsonObject embedding) {
        double square = 0;
        for (var value : embedding.getAsJsonArray("values")) {
            square += value.getAsDouble() * value.getAsDouble();
        }
        return Math.sqrt(square);
    }

    @Test
    void aTextBecomesAVectorOfTheWantedLength() throws Exception {
        var response = gateway.post("/v1beta/" + MODEL + ":embedContent", """
                {"content":{"parts":[{"text":"a b c"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":2}""");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        var embedding = RunningGateway.json(response).getAsJsonObject("embedding");
        assertThat(embedding.getAsJsonArray("values")).hasSize(2);
        assertThat(length(embedding)).isBetween(0.99999, 1.00001);
    }

    @Test
    void aBatchKeepsItsOrder() throws Exception {
        var response = RunningGateway.json(gateway.post("/v1/" + MODEL + ":batchEmbedContents", """
                {"requests":[{"model":"%s","content":{"parts":[{"text":"aaaa"}]}},
                {"content":{"parts":[{"text":"b b b b b"}]}}]}""".formatted(MODEL)));
        var embeddings = response.getAsJsonArray("embeddings");
        assertThat(embeddings).hasSize(2);
        assertThat(embeddings
                        .get(0)
                        .getAsJsonObject()
                        .getAsJsonArray("values")
                        .get(1)
                        .getAsDouble())
                .isZero();
        assertThat(embeddings
                        .get(1)
                        .getAsJsonObject()
                        .getAsJsonArray("values")
                        .get(1)
                        .getAsDouble())
                .isPositive();
    }

    @Test
    void theModelIsListedWithWhatItDoes() throws Exception {
        assertThat(gateway.get("/v1beta/models").body()).contains(MODEL, "embedContent", "generateContent");
        assertThat(gateway.get("/v1beta/" + MODEL).body()).contains("batchEmbedContents");
        var wrong = gateway.post(
                "/v1beta/models/" + FakeLmCore.MODEL + ":embedContent", "{\"content\":{\"parts\":[{\"text\":\"x\"}]}}");
        assertThat(wrong.statusCode()).isEqualTo(404);
        assertThat(wrong.body()).contains(MODEL);
    }

    @Test
    void whatIsWrongIsNamed() throws Exception {
        assertThat(gateway.post("/v1beta/" + MODEL + ":embedContent", "{\"content\":{}}")
                        .body())
                .contains("content.parts: empty");
        assertThat(gateway.post(
                                "/v1beta/" + MODEL + ":embedContent",
                                "{\"content\":{\"parts\":[{\"text\":\"x\"}]},\"outputDimensionality\":9}")
                        .body())
                .contains("outputDimensionality: 9 (expected: at most 4)");
        assertThat(gateway.post("/v1beta/" + MODEL + ":batchEmbedContents", "{}")
                        .body())
                .contains("requests: 0 of them");
    }

    @Test
    void theSameOverGrpc() {
        var channel = Grpc.newChannelBuilder("127.0.0.1:" + gateway.grpcPort, InsecureChannelCredentials.create())
                .build();
        try {
            var embedded = GenerativeServiceGrpc.newBlockingStub(channel)
                    .embedContent(EmbedContentRequest.newBuilder()
                            .setModel(MODEL)
                            .setContent(Content.newBuilder()
                                    .addParts(Part.newBuilder().setText("a b")))
                            .build());
            assertThat(embedded.getEmbedding().getValuesCount()).isEqualTo(4);
        } finally {
            channel.shutdownNow();
        }
    }
}
