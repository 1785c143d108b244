package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import longreach.v1.CacheUse;
import longreach.v1.TokenChunk;
import longreach.v1.ToolCall;
import longreach.v1.Turn;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InteractionsTest {
    private static final String ROUTE = "/v1/interactions";
    private static final String TOOL = "\"tools\":[{\"type\":\"function\",\"name\":\"look\",\"description\":\"looks\","
            + "\"parameters\":{\"type\":\"object\",\"properties\":{\"at\":{\"type\":\"string\"}}}}]";

    @TempDir
    static Path data;

    @TempDir
    static Path otherData;

    static FakeServices services;
    static RunningGateway gateway;
    /** A second server on the same store. */
    static RunningGateway other;

    @BeforeAll
    static void start() throws Exception {
        services = new FakeServices();
        gateway = new RunningGateway(services, data, Map.of());
        other = new RunningGateway(services, otherData, Map.of());
    }

    @AfterAll
    static void stop() {
        other.close();
        gateway.close();
        services.close();
    }

    @BeforeEach
    void quick() {
        services.lmCore.instead = null;
        services.lmCore.tokenMillis = 0;
        services.lmCore.prefillMillis = 0;
        services.lmCore.failWith = null;
        services.store.down = false;
    }

    private static String body(String input, String more) {
        return "{\"model\":\"tiny-words\",\"input\":" + input + more + "}";
    }

    private static JsonObject created(String input, String more) throws Exception {
        return created(gateway, input, more);
    }

    private static JsonObject created(RunningGateway at, String input, String more) throws Exception {
        var response = at.post(ROUTE, body(input, more));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return RunningGateway.json(response);
    }

    private static String id(JsonObject interaction) {
        return interaction.get("id").getAsString();
    }

    private static String after(JsonObject interaction) {
        return ",\"previous_interaction_id\":\"" + id(interaction) + "\"";
    }

    private static JsonObject step(JsonObject interaction, int index) {
        return interaction.getAsJsonArray("steps").get(index).getAsJsonObject();
    }

    private static String text(JsonObject interaction) {
        return step(interaction, 0)
                .getAsJsonArray("content")
                .get(0)
                .getAsJsonObject()
                .get("text")
                .getAsString();
    }

    private static int used(JsonObject interaction, String what) {
        return interaction.getAsJsonObject("usage").get(what).getAsInt();
    }

    private static String status(JsonObject interaction) {
        return interaction.get("status").getAsString();
    }

    private static List<JsonObject> events(RunningGateway at, HttpRequest request) throws Exception {
        return read(at.send(request).body());
    }

    private static List<JsonObject> read(String stream) {
        var events = new ArrayList<JsonObject>();
        for (var block : stream.split("\n\n")) {
            assertThat(block).startsWith("data: ").doesNotContain("\n");
            if (!block.equals("data: [DONE]")) {
                events.add(JsonParser.parseString(block.substring(6)).getAsJsonObject());
            }
        }
        return events;
    }

    private static List<JsonObject> streamed(String input, String more) throws Exception {
        var response = gateway.post(ROUTE, body(input, more + ",\"stream\":true"));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("content-type").orElse("")).startsWith("text/event-stream");
        assertThat(response.body()).endsWith("data: [DONE]\n\n");
        return read(response.body());
    }

    private static List<String> types(List<JsonObject> events) {
        return events.stream()
                .map(event -> event.get("event_type").getAsString())
                .toList();
    }

    /** What the text deltas of some events say together. */
    private static String said(List<JsonObject> events) {
        var text = new StringBuilder();
        events.stream()
                .filter(event -> event.get("event_type").getAsString().equals("step.delta"))
                .map(event -> event.getAsJsonObject("delta"))
                .filter(delta -> delta.get("type").getAsString().equals("text"))
                .forEach(delta -> text.append(delta.get("text").getAsString()));
        return text.toString();
    }

    private static JsonObject awaited(RunningGateway at, String id, String wanted) throws Exception {
        while (true) {
            var now = RunningGateway.json(at.get(ROUTE + "/" + id));
            if (status(now).equals(wanted)) {
                return now;
            }
            assertThat(status(now)).isEqualTo("in_progress");
            Thread.sleep(20);
        }
    }

    @Test
    void oneIsCreatedToldAndDeleted() throws Exception {
        var made = created(
                "\"lamps of the harbour\"", ",\"labels\":{\"team\":\"a-1\"},\"system_instruction\":\"be brief\"");
        assertThat(text(made)).isEqualTo("lamps of the harbour");
        assertThat(status(made)).isEqualTo("completed");
        assertThat(step(made, 0).get("type").getAsString()).isEqualTo("model_output");
        assertThat(used(made, "total_output_tokens")).isEqualTo(4);
        assertThat(used(made, "total_input_tokens")).isEqualTo(6);
        assertThat(used(made, "total_tokens")).isEqualTo(10);
        assertThat(made.has("input")).isFalse();

        var told = RunningGateway.json(gateway.get("/v1beta/interactions/" + id(made) + "?include_input=true"));
        assertThat(told.get("input").getAsString()).isEqualTo("lamps of the harbour");
        assertThat(told.get("system_instruction").getAsString()).isEqualTo("be brief");
        assertThat(told.get("steps")).isEqualTo(made.get("steps"));
        assertThat(told.get("usage")).isEqualTo(made.get("usage"));

        assertThat(gateway.send(gateway.request(ROUTE + "/" + id(made)).DELETE().build())
                        .statusCode())
                .isEqualTo(200);
        assertThat(gateway.get(ROUTE + "/" + id(made)).statusCode()).isEqualTo(404);
        assertThat(services.store.records.keySet()).noneMatch(key -> key.contains(id(made)));
    }

    @Test
    void aFollowUpCostsItsOwnTokensWhateverTheLengthOfWhatCameBefore() throws Exception {
        var last = created("\"" + "long story ".repeat(60) + "\"", "");
        awaitChunks(last);
        for (int i = 0; i < 4; i++) {
            var next = created(i % 2 == 0 ? gateway : other, "\"and then what " + i + "\"", after(last));
            // All but what is said now.
            assertThat(used(next, "total_input_tokens") - used(next, "total_cached_tokens"))
                    .isEqualTo(4);
            assertThat(next.get("previous_interaction_id").getAsString()).isEqualTo(id(last));
            awaitChunks(next);
            last = next;
        }
    }

    private static void awaitChunks(JsonObject interaction) throws InterruptedException {
        while (!services.store.records.containsKey("default/context-chunks/" + id(interaction))) {
            Thread.sleep(5);
        }
    }

    @Test
    void aConversationIsRenderedAsItWasSaid() throws Exception {
        var first = created("\"one\"", ",\"system_instruction\":\"count\"");
        created("\"two\"", after(first));
        var rendered = services.lmCore.rendered.stream()
                .filter(each -> each.getTurnsCount() == 3)
                .toList()
                .getLast();
        assertThat(rendered.getSystemList()).extracting(part -> part.getText()).containsExactly("count");
        assertThat(rendered.getTurnsList())
                .extracting(Turn::getRole)
                .containsExactly(Turn.Role.USER, Turn.Role.MODEL, Turn.Role.USER);
        assertThat(rendered.getTurnsList())
                .extracting(turn -> turn.getParts(0).getText())
                .containsExactly("one", "one", "two");

        created("\"two\"", after(first) + ",\"system_instruction\":\"count backwards\"");
        assertThat(services.lmCore.rendered.stream()
                        .filter(each -> each.getSystemCount() == 1
                                && each.getSystem(0).getText().equals("count backwards"))
                        .toList())
                .isNotEmpty();
    }

    @Test
    void nothingIsKeptOfOneThatIsNotStored() throws Exception {
        services.lmCore.opened.clear();
        var before = Map.copyOf(services.store.records);
        var made = created("\"a secret\"", ",\"store\":false");
        assertThat(text(made)).isEqualTo("a secret");
        var events = streamed("\"a secret\"", ",\"store\":false");
        assertThat(said(events)).isEqualTo("a secret");
        assertThat(services.store.records).isEqualTo(before);
        assertThat(gateway.get(ROUTE + "/" + id(made)).statusCode()).isEqualTo(404);
        assertThat(services.lmCore.opened).hasSize(2).allMatch(open -> open.getCache() == CacheUse.READ_ONLY);
        assertThat(gateway.post(ROUTE, body("\"x\"", ",\"store\":false,\"background\":true"))
                        .statusCode())
                .isEqualTo(400);
    }

    @Test
    void aStreamTellsStepsAndCanBeTakenUpAfterEveryEventOnAnyServer() throws Exception {
        var events = streamed("\"alpha beta gamma delta\"", "");
        assertThat(types(events))
                .startsWith("interaction.created", "interaction.status_update", "step.start", "step.delta")
                .endsWith("step.stop", "interaction.completed");
        assertThat(said(events)).isEqualTo("alpha beta gamma delta");
        var completed = events.getLast().getAsJsonObject("interaction");
        assertThat(status(completed)).isEqualTo("completed");
        assertThat(used(completed, "total_output_tokens")).isEqualTo(4);
        var id = id(events.getFirst().getAsJsonObject("interaction"));
        for (int had = 0; had <= events.size(); had++) {
            var query = had == 0
                    ? ""
                    : "&last_event_id=" + events.get(had - 1).get("event_id").getAsString();
            var rest = events(
                    had % 2 == 0 ? gateway : other,
                    gateway.request("/v1/interactions/" + id + "?stream=true" + query)
                            .GET()
                            .build());
            var all = new ArrayList<>(events.subList(0, had));
            all.addAll(rest);
            assertThat(said(all)).as("after %d events", had).isEqualTo("alpha beta gamma delta");
            assertThat(types(all)).filteredOn("interaction.completed"::equals).hasSize(1);
            assertThat(types(all)).filteredOn("step.start"::equals).hasSize(1);
        }
    }

    @Test
    void aLostConnectionDoesNotEndItAndItsStreamIsTakenUp() throws Exception {
        services.lmCore.tokenMillis = 40;
        var words = "one two three four five six seven eight nine ten eleven twelve";
        String id;
        String lastEvent = null;
        var had = new ArrayList<JsonObject>();
        try (var http = HttpClient.newHttpClient()) {
            var response = http.send(
                    gateway.request(ROUTE)
                            .header("Content-Type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofString(body("\"" + words + "\"", ",\"stream\":true")))
                            .build(),
                    HttpResponse.BodyHandlers.ofInputStream());
            // Until some of the text is there; then the line is cut.
            try (InputStream in = response.body()) {
                var line = new StringBuilder();
                while (said(had).length() < 8) {
                    int c = in.read();
                    line.append((char) c);
                    if (line.toString().endsWith("\n\n")) {
                        had.add(JsonParser.parseString(line.substring(6).strip())
                                .getAsJsonObject());
                        line.setLength(0);
                    }
                }
            }
            id = id(had.getFirst().getAsJsonObject("interaction"));
            lastEvent = had.getLast().get("event_id").getAsString();
        }
        var rest = events(
                gateway,
                gateway.request(ROUTE + "/" + id + "?stream=true&last_event_id=" + lastEvent)
                        .GET()
                        .build());
        had.addAll(rest);
        assertThat(said(had)).isEqualTo(words);
        assertThat(types(had)).endsWith("interaction.completed");
    }

    @Test
    void anotherServerTellsOfOneInProgressAndCancelsIt() throws Exception {
        services.lmCore.tokenMillis = 100;
        var words = "w ".repeat(60).strip();
        var begun = created("\"" + words + "\"", ",\"background\":true");
        assertThat(status(begun)).isEqualTo("in_progress");
        while (RunningGateway.json(other.get(ROUTE + "/" + id(begun)))
                .getAsJsonArray("steps")
                .isEmpty()) {
            Thread.sleep(20);
        }
        var cancelled = RunningGateway.json(other.post(ROUTE + "/" + id(begun) + "/cancel", ""));
        assertThat(status(cancelled)).isEqualTo("cancelled");
        assertThat(text(cancelled)).startsWith("w w");
        assertThat(text(cancelled).length()).isLessThan(words.length());
        var followed = gateway.post(ROUTE, body("\"more\"", after(cancelled)));
        assertThat(followed.statusCode()).isEqualTo(400);
        assertThat(followed.body()).contains("cancelled");
    }

    @Test
    void oneInTheBackgroundIsAnsweredWhileNobodyWaits() throws Exception {
        services.lmCore.prefillMillis = 100;
        var begun = created("\"slow and steady\"", ",\"background\":true");
        assertThat(status(begun)).isEqualTo("in_progress");
        var early = gateway.post(ROUTE, body("\"more\"", after(begun)));
        assertThat(early.statusCode()).isEqualTo(400);
        assertThat(text(awaited(gateway, id(begun), "completed"))).isEqualTo("slow and steady");
        assertThat(text(awaited(other, id(begun), "completed"))).isEqualTo("slow and steady");

        services.lmCore.failWith = io.grpc.Status.RESOURCE_EXHAUSTED.withDescription("too many");
        var before = interactions();
        var unplanned = gateway.post(ROUTE, body("\"" + "too long ".repeat(400) + "\"", ",\"stream\":true"));
        assertThat(unplanned.statusCode()).isEqualTo(400);
        assertThat(interactions()).isEqualTo(before);
        var failed = awaited(gateway, id(created("\"x\"", ",\"background\":true")), "failed");
        var error = failed.getAsJsonArray("errors").get(0).getAsJsonObject();
        assertThat(error.get("code").getAsString()).isEqualTo("resource_exhausted");
        assertThat(error.get("message").getAsString()).contains("too many");
    }

    private static List<String> interactions() {
        return services.store.records.keySet().stream()
                .filter(key -> key.contains("/interaction/"))
                .toList();
    }

    @Test
    void deletingStopsTheWork() throws Exception {
        services.lmCore.tokenMillis = 100;
        int cancelledBefore = services.lmCore.cancelled.get();
        var begun = created("\"" + "w ".repeat(60).strip() + "\"", ",\"background\":true");
        assertThat(gateway.send(gateway.request(ROUTE + "/" + id(begun))
                                .DELETE()
                                .build())
                        .statusCode())
                .isEqualTo(200);
        assertThat(gateway.get(ROUTE + "/" + id(begun)).statusCode()).isEqualTo(404);
        while (services.lmCore.cancelled.get() == cancelledBefore
                || services.store.records.keySet().stream().anyMatch(key -> key.endsWith(id(begun)))) {
            Thread.sleep(10);
        }
    }

    @Test
    void functionsAreCalledAndTheirResultsGoBack() throws Exception {
        services.lmCore.instead = TokenChunk.newBuilder()
                .addTokenIds(1)
                .setThought("hm")
                .setText("I look.")
                .addCalls(ToolCall.newBuilder().setId("call_1").setName("look").setArguments("{\"at\":\"lamp\"}"))
                .build();
        var more = "," + TOOL + ",\"generation_config\":{\"thinking_summaries\":\"auto\",\"tool_choice\":\"auto\"}";
        var called = created("\"see\"", more);
        assertThat(status(called)).isEqualTo("requires_action");
        assertThat(step(called, 0).get("type").getAsString()).isEqualTo("thought");
        assertThat(step(called, 1).get("type").getAsString()).isEqualTo("model_output");
        var call = step(called, 2);
        assertThat(call.get("type").getAsString()).isEqualTo("function_call");
        assertThat(call.getAsJsonObject("arguments").get("at").getAsString()).isEqualTo("lamp");
        assertThat(used(called, "total_thought_tokens")).isEqualTo(3);

        var events = streamed("\"see\"", more);
        var deltas = events.stream()
                .filter(event -> event.has("delta"))
                .map(event -> event.getAsJsonObject("delta").get("type").getAsString())
                .toList();
        assertThat(deltas).containsExactly("thought_summary", "text", "arguments_delta");
        assertThat(status(events.getLast().getAsJsonObject("interaction"))).isEqualTo("requires_action");

        services.lmCore.instead = null;
        services.lmCore.rendered.clear();
        var followed = created(
                "[{\"type\":\"function_result\",\"call_id\":\"call_1\",\"result\":{\"lit\":true}}]", after(called));
        assertThat(status(followed)).isEqualTo("completed");
        var rendered = services.lmCore.rendered.stream()
                .filter(each -> each.getTurnsCount() == 3)
                .findFirst()
                .orElseThrow();
        assertThat(rendered.getToolsList()).extracting(tool -> tool.getName()).containsExactly("look");
        var result = rendered.getTurns(2).getParts(0).getResult();
        assertThat(result.getName()).isEqualTo("look");
        assertThat(result.getResponse()).contains("\"lit\":true");
        // Nobody asked for calls this time.
        assertThat(services.lmCore.opened.stream()
                        .filter(open -> !open.getDurable())
                        .toList()
                        .getLast()
                        .hasTools())
                .isFalse();
    }

    @Test
    void answersAreCitedByPageAndLaterQuestionsSeeOtherPages() throws Exception {
        var pages = gateway.file("book.pdf", "application/pdf", "The lamp was lit in 1886.".getBytes());
        services.lmCore.instead = TokenChunk.newBuilder()
                .addTokenIds(1)
                .setText("The lamp was lit in 1886.")
                .build();
        var made = created(
                "[{\"type\":\"document\",\"uri\":\"" + pages.get("name").getAsString()
                        + "\"},{\"type\":\"text\",\"text\":\"When was the lamp lit?\"}]",
                "");
        var content = step(made, 0).getAsJsonArray("content").get(0).getAsJsonObject();
        JsonArray annotations = content.getAsJsonArray("annotations");
        assertThat(annotations).as(made.toString()).isNotNull();
        var citation = annotations.get(0).getAsJsonObject();
        assertThat(citation.get("type").getAsString()).isEqualTo("file_citation");
        assertThat(citation.get("document_uri").getAsString())
                .isEqualTo(pages.get("name").getAsString() + "#page=1");
        assertThat(citation.get("page_number").getAsInt()).isEqualTo(1);
        assertThat(citation.get("file_name").getAsString()).contains("book.pdf");
        assertThat(citation.get("start_index").getAsInt()).isZero();
        assertThat(citation.get("end_index").getAsInt()).isEqualTo(25);
        var next = created("\"Tell me of the lamp again\"", after(made));
        assertThat(next.getAsJsonObject("longreach_receipt").getAsJsonArray("media"))
                .hasSize(1);
        // The page is there already, and is not said twice.
        var rendered = services.lmCore.rendered.stream()
                .filter(each -> each.getTurnsCount() == 3)
                .toList()
                .getLast();
        assertThat(rendered.getTurns(2).getPartsList())
                .extracting(part -> part.getText())
                .containsExactly("Tell me of the lamp again");
    }

    @Test
    void inputComesInManyShapes() throws Exception {
        assertThat(text(created("{\"type\":\"text\",\"text\":\"one content\"}", "")))
                .isEqualTo("one content");
        assertThat(text(created("[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"last part\"}]", "")))
                .isEqualTo("last part");
        assertThat(text(created(
                        "[{\"type\":\"user_input\",\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},"
                                + "{\"type\":\"thought\"},"
                                + "{\"type\":\"model_output\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]},"
                                + "{\"type\":\"user_input\",\"content\":\"as steps\"}]",
                        "")))
                .isEqualTo("as steps");
        assertThat(text(created(
                        "[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"model\",\"content\":\"a\"},"
                                + "{\"role\":\"user\",\"content\":\"as turns\"}]",
                        "")))
                .isEqualTo("as turns");
    }

    @Test
    void aFormIsAskedForAsJson() throws Exception {
        services.lmCore.opened.clear();
        created(
                "\"x\"",
                ",\"store\":false,\"response_format\":{\"type\":\"text\",\"mime_type\":\"application/json\","
                        + "\"schema\":{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}}}}");
        assertThat(services.lmCore.opened.getLast().getConstraint().getJsonSchema())
                .contains("\"b\":{\"type\":\"integer\"},\"a\"");
        created("\"x\"", ",\"store\":false,\"response_format\":{\"type\":\"object\"}");
        assertThat(services.lmCore.opened.getLast().getConstraint().getJsonSchema())
                .contains("object");
    }

    @Test
    void aCachedContentCanBeginAConversation() throws Exception {
        var content = RunningGateway.json(gateway.post(
                "/v1/cachedContents",
                "{\"model\":\"models/tiny-words\",\"contents\":[{\"parts\":[{\"text\":\"the whole book\"}]}]}"));
        var name = content.get("name").getAsString();
        var first = created("\"who wrote it\"", ",\"cached_content\":\"" + name + "\"");
        assertThat(used(first, "total_cached_tokens")).isGreaterThanOrEqualTo(3);
        gateway.send(gateway.request("/v1/" + name).DELETE().build());
        var second = created("\"and when\"", after(first));
        assertThat(used(second, "total_input_tokens")).isEqualTo(3 + 3 + 3 + 2);
    }

    @Test
    void erasingATenantErasesItsInteractions() throws Exception {
        var made = created("\"mine alone\"", "");
        assertThat(gateway.post("/v1/cachedContents:eraseAll", "").statusCode()).isEqualTo(200);
        assertThat(gateway.get(ROUTE + "/" + id(made)).statusCode()).isEqualTo(404);
        assertThat(services.store.records.keySet()).noneMatch(key -> key.endsWith(id(made)));
    }

    @Test
    void whatFollowsADeletedOneIsGoneToo() throws Exception {
        var first = created("\"one\"", "");
        var second = created("\"two\"", after(first));
        gateway.send(gateway.request(ROUTE + "/" + id(first)).DELETE().build());
        var third = gateway.post(ROUTE, body("\"three\"", after(second)));
        assertThat(third.statusCode()).isEqualTo(404);
        assertThat(third.body()).contains(id(second), id(first), "gone");
    }

    @Test
    void aStoreThatIsDownIsTold() throws Exception {
        services.store.down = true;
        for (var more : List.of("", ",\"stream\":true", ",\"background\":true")) {
            var response = gateway.post(ROUTE, body("\"x\"", more));
            assertThat(response.statusCode()).as(more).isEqualTo(503);
            assertThat(response.body()).contains("\"code\":\"unavailable\"");
        }
        assertThat(text(created("\"needs no store\"", ",\"store\":false"))).isEqualTo("needs no store");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"input\":\"x\"} | 400 | model: empty",
                "{\"model\":\"tiny-words\"} | 400 | input: absent",
                "{\"model\":\"nobody\",\"input\":\"x\"} | 404 | nobody",
                "{\"model\":\"tiny-words\",\"input\":7} | 400 | input: of another kind",
                "{\"model\":\"tiny-words\",\"input\":\"\"} | 400 | input: only blank text",
                "{\"model\":\"tiny-words\",\"input\":[]} | 400 | input: empty",
                "{\"model\":\"tiny-words\",\"input\":[{\"type\":\"smell\"}]} | 400 | input[0].type",
                "{\"model\":\"tiny-words\",\"input\":[{\"type\":\"image\"}]} | 400 | input[0].data: absent",
                "{\"model\":\"tiny-words\",\"input\":[{\"type\":\"image\",\"data\":\"!\"}]} | 400 | input[0].data: broken",
                "{\"model\":\"tiny-words\",\"input\":\"x\",\"generation_config\":{\"top_p\":4}} | 400"
                        + " | generation_config.top_p: 4.0 (expected",
                "{\"model\":\"tiny-words\",\"input\":\"x\",\"generation_config\":{\"thinking_level\":\"wild\"}} | 400"
                        + " | generation_config.thinking_level",
                "{\"model\":\"tiny-words\",\"input\":\"x\",\"generation_config\":{\"tool_choice\":\"some\"}} | 400"
                        + " | generation_config.tool_choice",
                "{\"model\":\"tiny-words\",\"input\":\"x\",\"tools\":[{\"type\":\"google_search\"}]} | 501 | tools[0].type",
                "{\"model\":\"tiny-words\",\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"9\"}]} | 400"
                        + " | tools[0].name",
                "{\"model\":\"tiny-words\",\"input\":\"x\",\"previous_interaction_id\":\"*\"} | 400"
                        + " | previous_interaction_id: *",
                "{\"model\":\"tiny-words\",\"input\":\"x\",\"previous_interaction_id\":\"aaaaaaaaaaaaaaaaaaaaaaaa\"} | 404"
                        + " | previous_interaction_id: aaaaaaaaaaaaaaaaaaaaaaaa",
                "{\"model\":\"tiny-words\",\"input\":\"x\",\"labels\":{\"UP\":\"x\"}} | 400 | labels",
                "{\"model\":\"tiny-words\",\"input\":\"x\",\"safety_settings\":[{\"type\":\"x\",\"threshold\":\"y\"}]} | 400"
                        + " | safety_settings[0].threshold",
                "{\"model\":\"tiny-words\",\"input\":\"x\",\"agent\":\"deep\"} | 501 | agent",
                "{\"model\":\"tiny-words\",\"input\":[{\"type\":\"function_result\",\"call_id\":\"c\",\"result\":1}]} | 400"
                        + " | input[0].call_id",
            })
    void whatIsWrongIsNamed(String json, int code, String message) throws Exception {
        for (var stream : List.of("", ",\"stream\":true")) {
            var response = gateway.post(ROUTE, json.substring(0, json.length() - 1) + stream + "}");
            assertThat(response.statusCode()).as(response.body()).isEqualTo(code);
            var error = RunningGateway.json(response).getAsJsonObject("error");
            assertThat(error.get("message").getAsString()).contains(message);
            assertThat(error.get("code").getAsJsonPrimitive().isString()).isTrue();
        }
    }

    @Test
    void unknownFieldsArePassedOver() throws Exception {
        assertThat(text(created("\"fine\"", ",\"service_tier\":\"flex\",\"something_new\":{\"a\":[1]}")))
                .isEqualTo("fine");
    }

    @Test
    void brokenEventIdsAreRefused() throws Exception {
        var made = created("\"x\"", "");
        assertThat(gateway.get(ROUTE + "/" + id(made) + "?stream=true&last_event_id=text-x")
                        .statusCode())
                .isEqualTo(400);
        assertThat(gateway.get(ROUTE + "/" + id(made) + "?last_event_id=created")
                        .statusCode())
                .isEqualTo(400);
    }
}
