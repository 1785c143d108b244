package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.protobuf.Duration;
import com.google.protobuf.FieldMask;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import longreach.gemini.v1beta.CacheServiceGrpc;
import longreach.gemini.v1beta.CachedContent;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.CreateCachedContentRequest;
import longreach.gemini.v1beta.DeleteCachedContentRequest;
import longreach.gemini.v1beta.GetCachedContentRequest;
import longreach.gemini.v1beta.ListCachedContentsRequest;
import longreach.gemini.v1beta.Part;
import longreach.gemini.v1beta.UpdateCachedContentRequest;
import longreach.v1.Segment;
import longreach.v1.Turn;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CachedContentsTest {
    private static final String MODEL = "models/" + FakeLmCore.MODEL;

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

    @BeforeEach
    void empty() {
        services.store.records.clear();
        services.store.down = false;
        services.lmCore.chunks.clear();
        services.lmCore.opened.clear();
        services.lmCore.rendered.clear();
    }

    private static HttpResponse<String> create(String more, String text) throws Exception {
        return gateway.post("/v1beta/cachedContents", """
                {"model":"%s","contents":[{"role":"user","parts":[{"text":"%s"}]}]%s}""".formatted(MODEL, text, more));
    }

    private static JsonObject created(String more, String text) throws Exception {
        var response = create(more, text);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return RunningGateway.json(response);
    }

    private static String name(JsonObject content) {
        return content.get("name").getAsString();
    }

    private static HttpResponse<String> ask(String name, String question, String more) throws Exception {
        return gateway.post("/v1beta/" + MODEL + ":generateContent", """
                {"contents":[{"role":"user","parts":[{"text":"%s"}]}],"cachedContent":"%s"%s}""".formatted(question, name, more));
    }

    @Test
    void lifeOfAContent() throws Exception {
        var before = Instant.now();
        var made = created(",\"ttl\":\"300s\",\"displayName\":\"a tale\"", "once upon a time");
        assertThat(name(made)).matches("cachedContents/[a-z0-9]{20}");
        assertThat(made.get("model").getAsString()).isEqualTo(MODEL);
        assertThat(made.get("displayName").getAsString()).isEqualTo("a tale");
        assertThat(made.getAsJsonObject("usageMetadata").get("totalTokenCount").getAsInt())
                .isEqualTo(4);
        assertThat(Instant.parse(made.get("expireTime").getAsString()))
                .isBetween(before.plusSeconds(290), Instant.now().plusSeconds(300));
        assertThat(made.has("contents")).isFalse();

        assertThat(RunningGateway.json(gateway.get("/v1/" + name(made)))).isEqualTo(made);
        assertThat(gateway.get("/v1beta/cachedContents").body()).contains(name(made));

        var patched = gateway.send(gateway.request("/v1beta/" + name(made) + "?updateMask=ttl")
                .method("PATCH", HttpRequest.BodyPublishers.ofString("{\"ttl\":\"7200s\"}"))
                .build());
        assertThat(patched.statusCode()).as(patched.body()).isEqualTo(200);
        assertThat(Instant.parse(RunningGateway.json(patched).get("expireTime").getAsString()))
                .isAfter(before.plusSeconds(7000));

        var deleted =
                gateway.send(gateway.request("/v1beta/" + name(made)).DELETE().build());
        assertThat(deleted.statusCode()).isEqualTo(200);
        assertThat(deleted.body()).isEqualTo("{}");
        assertThat(gateway.get("/v1beta/" + name(made)).statusCode()).isEqualTo(404);
        assertThat(services.store.records).isEmpty();
        assertThat(services.lmCore.chunks).isEmpty();
    }

    @Test
    void aQuestionBeginsWithExactlyTheCachedSegments() throws Exception {
        var made =
                created(",\"systemInstruction\":{\"parts\":[{\"text\":\"be brief\"}]}", "the tower is 324 metres high");
        List<Segment> prefix = services.lmCore.opened.getLast().getSegmentsList();
        assertThat(services.lmCore.opened.getLast().getMaxTokens()).isZero();

        var answer = ask(name(made), "how high?", "");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        var asked = services.lmCore.opened.getLast().getSegmentsList();
        assertThat(asked.subList(0, prefix.size())).isEqualTo(prefix);
        var usage = RunningGateway.json(answer).getAsJsonObject("usageMetadata");
        assertThat(usage.get("cachedContentTokenCount").getAsInt())
                .isEqualTo(made.getAsJsonObject("usageMetadata")
                        .get("totalTokenCount")
                        .getAsInt())
                .isEqualTo(8);
        assertThat(usage.get("promptTokenCount").getAsInt()).isEqualTo(10);
        // One turn of the user's, since templates alternate.
        assertThat(services.lmCore.rendered.getLast().getTurnsList())
                .singleElement()
                .matches(turn -> turn.getRole() == Turn.Role.USER);

        var counted = RunningGateway.json(gateway.post("/v1beta/" + MODEL + ":countTokens", """
                {"generateContentRequest":{"contents":[{"parts":[{"text":"how high?"}]}],"cachedContent":"%s"}}""".formatted(name(made))));
        assertThat(counted.get("totalTokens").getAsInt()).isEqualTo(10);
        assertThat(counted.get("cachedContentTokenCount").getAsInt()).isEqualTo(8);
    }

    @Test
    void aConversationGoesOnFromTheModelsTurn() throws Exception {
        var made = RunningGateway.json(gateway.post("/v1beta/cachedContents", """
                {"model":"%s","contents":[{"role":"user","parts":[{"text":"my name is Ada"}]},
                {"role":"model","parts":[{"text":"noted"}]}]}""".formatted(MODEL)));
        ask(name(made), "who am I?", "");
        assertThat(services.lmCore.rendered.getLast().getTurnsList())
                .extracting(Turn::getRole)
                .containsExactly(Turn.Role.USER, Turn.Role.MODEL, Turn.Role.USER);
    }

    @Test
    void mediaStandsWholeAndIsCitedAlsoWhenTheFileIsGone() throws Exception {
        var file = gateway.file("a.pdf", "application/pdf", "pdf bytes".getBytes());
        var made = RunningGateway.json(gateway.post(
                "/v1beta/cachedContents", """
                {"model":"%s","contents":[{"role":"user","parts":[{"fileData":{"fileUri":"%s"}}]}]}""".formatted(MODEL, file.get("uri").getAsString())));
        assertThat(made.has("name")).as(made.toString()).isTrue();
        gateway.send(gateway.request("/v1beta/" + file.get("name").getAsString())
                .DELETE()
                .build());
        var answer = ask(name(made), "what?", "");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(answer.body()).contains(file.get("name").getAsString() + "#page", "\"layout\":\"whole\"");
    }

    @Test
    void whatTheContentBeginsWithCannotBeSaidAgain() throws Exception {
        var made = created("", "text");
        var refused = ask(name(made), "x", ",\"systemInstruction\":{\"parts\":[{\"text\":\"be brief\"}]}");
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("CachedContent can not be used with GenerateContent request setting");
    }

    @Test
    void functionsOfTheContentAreThoseOfItsQuestions() throws Exception {
        var made = created(
                ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"tide\",\"description\":\"high or low\"}]}],"
                        + "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\"}}",
                "the harbour");
        var declared = services.lmCore.rendered.getLast().getToolsList();
        assertThat(declared).singleElement().matches(tool -> tool.getName().equals("tide"));
        ask(name(made), "is it high?", "");
        assertThat(services.lmCore.rendered.getLast().getToolsList()).isEqualTo(declared);
        assertThat(services.lmCore.opened.getLast().hasTools()).isTrue();
    }

    @Test
    void chunksThatGetLostAreComputedAgain() throws Exception {
        services.lmCore.lose.set(2);
        created("", "lost twice, stored the third time");
        services.lmCore.lose.set(3);
        var given = create("", "lost thrice");
        assertThat(given.statusCode()).isEqualTo(503);
        assertThat(given.body()).contains("holds 0 of 1 chunks");
        assertThat(gateway.get("/v1beta/cachedContents").body()).doesNotContain("lost thrice");
    }

    @Test
    void aSharedChunkOutlivesOneOfItsContents() throws Exception {
        var one = created("", "the same");
        var two = created("", "the same");
        var erased = gateway.post("/v1beta/" + name(one) + ":erase", "{}");
        assertThat(erased.body()).isEqualTo("{\"files\":0,\"chunks\":0,\"records\":3,\"remaining\":0}");
        erased = gateway.post("/v1beta/" + name(two) + ":erase", "{}");
        assertThat(erased.body()).isEqualTo("{\"files\":0,\"chunks\":1,\"records\":3,\"remaining\":0}");
    }

    @Test
    void everythingOfATenantIsErasedAndCounted() throws Exception {
        gateway.file("a.pdf", "application/pdf", "other pdf bytes".getBytes());
        created("", "something");
        var erased = RunningGateway.json(gateway.post("/v1beta/cachedContents:eraseAll", "{}"));
        assertThat(erased.get("files").getAsInt()).isPositive();
        assertThat(erased.get("records").getAsInt()).isGreaterThanOrEqualTo(4);
        assertThat(erased.get("remaining").getAsInt()).isZero();
        assertThat(gateway.get("/v1beta/files").body()).doesNotContain("a.pdf");
        assertThat(services.store.records).isEmpty();
    }

    @Test
    void listsInPagesNewestFirst() throws Exception {
        var names = new ArrayList<String>();
        for (int i = 0; i < 5; i++) {
            names.addFirst(name(created("", "content " + i)));
        }
        var seen = new ArrayList<String>();
        var token = "";
        do {
            var page = RunningGateway.json(gateway.get("/v1beta/cachedContents?pageSize=2&pageToken=" + token));
            page.getAsJsonArray("cachedContents").forEach(each -> seen.add(name(each.getAsJsonObject())));
            token = page.has("nextPageToken") ? page.get("nextPageToken").getAsString() : "";
        } while (!token.isEmpty());
        assertThat(seen).isEqualTo(names);
    }

    @Test
    void theStoreKeepsRecordsAsLongAsTheContentLives() throws Exception {
        var made = created(",\"expireTime\":\"" + Instant.now().plusSeconds(1000) + "\"", "text");
        assertThat(services.store.ttlMillis.entrySet().stream()
                        .filter(entry -> entry.getKey().endsWith(name(made).substring("cachedContents/".length())))
                        .map(Map.Entry::getValue))
                .hasSize(3)
                .allMatch(millis -> millis > 900_000 && millis <= 1_000_000);
    }

    @Test
    void anExpiredContentIsGoneBeforeTheStoreForgetsIt() throws Exception {
        var made = created(",\"ttl\":\"0.001s\"", "short");
        while (gateway.get("/v1beta/" + name(made)).statusCode() == 200) {
            Thread.onSpinWait();
        }
        assertThat(services.store.records).isNotEmpty();
        assertThat(ask(name(made), "x", "").statusCode()).isEqualTo(404);
        assertThat(gateway.get("/v1beta/cachedContents").body()).doesNotContain(name(made));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]} | 400 | model",
                "{\"model\":\"models/nobody\",\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]} | 404 | models/nobody",
                "{\"model\":\"models/tiny-words\"} | 400 | contents",
                "{\"model\":\"models/tiny-words\",\"contents\":[{\"parts\":[{\"text\":\"x\"}]}],\"ttl\":\"-3s\"} | 400 | ttl",
                "{\"model\":\"models/tiny-words\",\"contents\":[{\"parts\":[{\"text\":\"x\"}]}],"
                        + "\"expireTime\":\"2001-01-01T00:00:00Z\"} | 400 | expireTime",
                "{\"model\":\"models/tiny-words\",\"name\":\"cachedContents/mine\",\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]}"
                        + " | 400 | name"
            })
    void whatIsWrongIsNamed(String body, int code, String field) throws Exception {
        var response = gateway.post("/v1beta/cachedContents", body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(code);
        assertThat(response.body()).contains(field);
    }

    @Test
    void moreThanTheContextIsRefusedWithBothNumbers() throws Exception {
        var response = create("", "word ".repeat(700).strip());
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("700 tokens").contains("599");
    }

    @Test
    void aStoreThatIsDownIsToldRatherThanPassedOver() throws Exception {
        services.store.down = true;
        var response = create("", "text");
        assertThat(response.statusCode()).isEqualTo(503);
        assertThat(gateway.get("/v1beta/cachedContents").statusCode()).isEqualTo(503);
    }

    @Test
    void theSameOverGrpc() {
        ManagedChannel channel = Grpc.newChannelBuilder(
                        "127.0.0.1:" + gateway.grpcPort, InsecureChannelCredentials.create())
                .build();
        try {
            var cache = CacheServiceGrpc.newBlockingStub(channel);
            var made = cache.createCachedContent(CreateCachedContentRequest.newBuilder()
                    .setCachedContent(CachedContent.newBuilder()
                            .setModel(MODEL)
                            .setTtl(Duration.newBuilder().setSeconds(60))
                            .addContents(Content.newBuilder()
                                    .addParts(Part.newBuilder().setText("over another wire"))))
                    .build());
            assertThat(made.getUsageMetadata().getTotalTokenCount()).isEqualTo(3);
            var get =
                    GetCachedContentRequest.newBuilder().setName(made.getName()).build();
            assertThat(cache.getCachedContent(get)).isEqualTo(made);
            assertThat(cache.listCachedContents(ListCachedContentsRequest.getDefaultInstance())
                            .getCachedContentsList())
                    .contains(made);
            var updated = cache.updateCachedContent(UpdateCachedContentRequest.newBuilder()
                    .setCachedContent(CachedContent.newBuilder()
                            .setName(made.getName())
                            .setTtl(Duration.newBuilder().setSeconds(6000)))
                    .setUpdateMask(FieldMask.newBuilder().addPaths("ttl"))
                    .build());
            assertThat(updated.getExpireTime().getSeconds())
                    .isGreaterThan(made.getExpireTime().getSeconds() + 5000);
            cache.deleteCachedContent(DeleteCachedContentRequest.newBuilder()
                    .setName(made.getName())
                    .build());
            assertThatThrownBy(() -> cache.getCachedContent(get))
                    .isInstanceOfSatisfying(
                            StatusRuntimeException.class,
                            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND));
        } finally {
            channel.shutdownNow();
        }
    }
}
