package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.rpc.RetryInfo;
import io.grpc.ClientInterceptors;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import longreach.gateway.auth.KeyFile;
import longreach.gateway.auth.Tenant.Limits;
import longreach.gemini.v1beta.ListModelsRequest;
import longreach.gemini.v1beta.ModelServiceGrpc;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Keys that were created, what their tenants see of each other, and what they may use. */
class TenantsTest {
    private static final String GENERATE = "/v1beta/models/" + FakeLmCore.MODEL + ":generateContent";
    private static final String ASK = "{\"contents\":[{\"parts\":[{\"text\":\"one two three\"}]}]}";

    @TempDir
    static Path data;

    static FakeServices services;
    static RunningGateway gateway;
    static KeyFile keys;
    static String ada;
    static String bob;

    @BeforeAll
    static void start() throws Exception {
        keys = new KeyFile(data.resolve("keys.json"), Clock.systemUTC());
        ada = keys.create("ada", "", Limits.NONE).key();
        bob = keys.create("bob", "", new Limits(4, 10, 300)).key();
        services = new FakeServices();
        gateway = new RunningGateway(
                services, data, Map.of("gateway.keys-file", keys.path().toString()));
    }

    @AfterAll
    static void stop() {
        gateway.close();
        services.close();
    }

    @BeforeEach
    void full() {
        services.store.taken.clear();
        services.store.down = false;
    }

    private static HttpResponse<String> post(String key, String path, String json) throws Exception {
        return gateway.send(gateway.request(path)
                .header("x-goog-api-key", key)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build());
    }

    private static HttpResponse<String> get(String key, String path) throws Exception {
        return gateway.send(
                gateway.request(path).header("x-goog-api-key", key).GET().build());
    }

    @Test
    void tenantsSeeNothingOfEachOther() throws Exception {
        var made = RunningGateway.json(post(
                ada,
                "/v1beta/cachedContents",
                "{\"model\":\"models/" + FakeLmCore.MODEL + "\",\"contents\":[{\"parts\":[{\"text\":\"mine\"}]}]}"));
        var name = made.get("name").getAsString();
        assertThat(get(ada, "/v1beta/" + name).statusCode()).isEqualTo(200);
        assertThat(get(bob, "/v1beta/" + name).statusCode()).isEqualTo(404);
        assertThat(get(bob, "/v1beta/cachedContents").body()).doesNotContain(name);
        assertThat(post(bob, "/v1beta/" + name + ":erase", "{}").statusCode()).isEqualTo(404);
        assertThat(get(ada, "/v1beta/" + name).statusCode()).isEqualTo(200);
        assertThat(services.lmCore.opened.getLast().getTenant()).isEqualTo("ada");
    }

    @Test
    void requestsAreLimitedWithATimeToComeAgain() throws Exception {
        for (int i = 0; i < 4; i++) {
            assertThat(get(bob, "/v1beta/models").statusCode()).isEqualTo(200);
        }
        var refused = get(bob, "/v1beta/models");
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(refused.body())
                .contains("\"status\":\"RESOURCE_EXHAUSTED\"", "type.googleapis.com/google.rpc.RetryInfo")
                .contains("\"retryDelay\":\"1.500s\"", "requests per minute");
        assertThat(refused.headers().firstValue("Retry-After")).contains("2");
        assertThat(get(ada, "/v1beta/models").statusCode()).isEqualTo(200);
    }

    @Test
    void tokensOfPromptsAndAnswersCount() throws Exception {
        assertThat(post(bob, GENERATE, ASK).statusCode()).isEqualTo(200);
        // Three of the prompt and three of the answer.
        assertThat(services.store.taken).containsEntry("bob/tokens", 6L);
        assertThat(post(bob, GENERATE, ASK).statusCode()).isEqualTo(200);
        var refused = post(bob, GENERATE, ASK);
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(refused.body()).contains("tokens per minute");
    }

    @Test
    void bytesAreLimitedBeforeTheyAreRead() throws Exception {
        var refused = post(bob, GENERATE, "{\"contents\":[{\"parts\":[{\"text\":\"" + "x".repeat(400) + "\"}]}]}");
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(refused.body()).contains("bytes per minute");
        var upload = gateway.send(gateway.request("/upload/v1beta/files")
                .header("x-goog-api-key", bob)
                .header("X-Goog-Upload-Protocol", "resumable")
                .header("X-Goog-Upload-Command", "start")
                .header("X-Goog-Upload-Header-Content-Length", "1000000")
                .header("X-Goog-Upload-Header-Content-Type", "application/pdf")
                .POST(HttpRequest.BodyPublishers.ofString("{}"))
                .build());
        assertThat(upload.statusCode()).isEqualTo(429);
    }

    @Test
    void aStoreThatIsDownLetsEverybodyIn() throws Exception {
        services.store.down = true;
        for (int i = 0; i < 6; i++) {
            assertThat(get(bob, "/v1beta/models").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void openAisClientsGetTheirShape() throws Exception {
        services.store.taken.put("bob/requests", 4L);
        var refused = gateway.send(gateway.request("/openai/v1/models")
                .header("Authorization", "Bearer " + bob)
                .GET()
                .build());
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(refused.body()).contains("\"type\":\"rate_limit_error\"", "\"code\":\"rate_limit_exceeded\"");
        assertThat(refused.headers().firstValue("Retry-After")).contains("2");
    }

    @Test
    void theSameOverGrpc() {
        services.store.taken.put("bob/requests", 4L);
        var headers = new Metadata();
        headers.put(Metadata.Key.of("x-goog-api-key", Metadata.ASCII_STRING_MARSHALLER), bob);
        var channel = Grpc.newChannelBuilder("127.0.0.1:" + gateway.grpcPort, InsecureChannelCredentials.create())
                .build();
        try {
            var models = ModelServiceGrpc.newBlockingStub(
                    ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers)));
            assertThatThrownBy(() -> models.listModels(ListModelsRequest.getDefaultInstance()))
                    .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
                        assertThat(StatusProto.fromThrowable(e).getDetailsList())
                                .anyMatch(each -> each.is(RetryInfo.class));
                        assertThat(e.getTrailers()
                                        .get(Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER)))
                                .isNotEmpty();
                    });
        } finally {
            channel.shutdownNow();
        }
    }

    @Test
    void everyAnswerHasAnIdAndKeepsTheCallers() throws Exception {
        assertThat(get(ada, "/v1beta/models").headers().firstValue("x-request-id"))
                .isPresent();
        var mine = gateway.send(gateway.request("/v1beta/models")
                .header("x-goog-api-key", ada)
                .header("x-request-id", "mine-1")
                .GET()
                .build());
        assertThat(mine.headers().firstValue("x-request-id")).contains("mine-1");
        var forged = gateway.send(gateway.request("/v1beta/models")
                .header("x-request-id", "a b \"c\"")
                .GET()
                .build());
        assertThat(forged.headers().firstValue("x-request-id").orElse("")).matches("[0-9a-f-]{36}");
    }
}
