package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import longreach.lm.model.Precision;
import longreach.lm.prompt.ChatTemplate;
import longreach.tensor.kernel.ComputePool;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.tokenizer.Tokenizer;
import longreach.v1.Modality;
import longreach.v1.RenderPart;
import longreach.v1.Segment;
import longreach.v1.SoftSegment;
import longreach.v1.Turn;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The templates of Gemma against transformers, and a tiny Gemma 3 as a whole; tests/golden/make_chats.py made the files. */
class GemmaChatTest {
    private static Path directory;
    private static ModelTokenizer tokenizer;

    @BeforeAll
    static void open() throws Exception {
        directory = Path.of(
                GemmaChatTest.class.getResource("/golden/families/gemma3-chat").toURI());
        tokenizer = new ModelTokenizer(Tokenizer.ofJson(directory.resolve("tokenizer.json")));
    }

    private static JsonNode json(String name) throws IOException {
        try (InputStream in = GemmaChatTest.class.getResourceAsStream("/golden/" + name)) {
            return JsonMapper.shared().readTree(in);
        }
    }

    private static int[] ints(JsonNode array) {
        return array.values().stream().mapToInt(JsonNode::asInt).toArray();
    }

    private static ChatTemplate template(JsonNode golden) {
        return new ChatTemplate(golden.get("template").asString(), "<bos>", "<eos>", tokenizer);
    }

    private static RenderPart text(String text) {
        return RenderPart.newBuilder().setText(text).build();
    }

    private static Turn turn(Turn.Role role, RenderPart... parts) {
        return Turn.newBuilder().setRole(role).addAllParts(List.of(parts)).build();
    }

    private static int[] render(ChatTemplate template, JsonNode messages) {
        List<RenderPart> system = new ArrayList<>();
        List<Turn> turns = new ArrayList<>();
        for (JsonNode message : messages) {
            RenderPart part = text(message.get("content").asString());
            switch (message.get("role").asString()) {
                case "system" -> system.add(part);
                case "user" -> turns.add(turn(Turn.Role.USER, part));
                default -> turns.add(turn(Turn.Role.MODEL, part));
            }
        }
        return ids(template.render(system, turns));
    }

    /** Ids with a soft run as so many ids of the placeholder. */
    private static int[] ids(List<Segment> segments) {
        int soft = tokenizer.controlTokens().get("<image_soft_token>");
        return segments.stream()
                .flatMapToInt(segment -> segment.hasSoft()
                        ? IntStream.generate(() -> soft).limit(segment.getSoft().getTokenCount())
                        : segment.getText().getTokenIdsList().stream().mapToInt(Integer::intValue))
                .toArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {"chat-gemma2.json", "chat-gemma3.json"})
    void conversationsHaveTheReferencesIds(String name) throws IOException {
        JsonNode golden = json(name);
        ChatTemplate template = template(golden);
        assertThat(golden.get("conversations").size()).isEqualTo(10);
        for (JsonNode conversation : golden.get("conversations")) {
            assertThat(render(template, conversation.get("messages")))
                    .as(conversation.get("name").asString())
                    .containsExactly(ints(conversation.get("ids")));
        }
    }

    @Test
    void anImagesSoftTokensStandBetweenTheModelsMarkers() throws IOException {
        JsonNode golden = json("chat-gemma3.json");
        JsonNode image = golden.get("image");
        var soft = RenderPart.newBuilder()
                .setSoft(SoftSegment.newBuilder()
                        .setTokenCount(image.get("soft tokens").asInt())
                        .setBidirectional(true))
                .setModality(Modality.IMAGE)
                .build();
        List<Segment> segments = template(golden)
                .render(
                        List.of(text(image.get("system").asString())),
                        List.of(turn(
                                Turn.Role.USER, soft, text(image.get("text").asString()))));
        assertThat(ids(segments)).containsExactly(ints(image.get("ids")));
        assertThat(segments.stream().filter(Segment::hasSoft)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"chat-gemma2.json", "chat-gemma3.json"})
    void aSystemTurnAloneIsTheUsers(String name) throws IOException {
        ChatTemplate template = template(json(name));
        int[] asUser = ids(template.render(List.of(), List.of(turn(Turn.Role.USER, text("Be brief.")))));
        assertThat(ids(template.render(List.of(text("Be brief.")), List.of()))).containsExactly(asUser);
    }

    @ParameterizedTest
    @ValueSource(strings = {"chat-gemma2.json", "chat-gemma3.json"})
    void whatTheTemplateRefusesIsToldInItsWords(String name) throws IOException {
        ChatTemplate template = template(json(name));
        Turn user = turn(Turn.Role.USER, text("a"));
        assertThatThrownBy(() -> template.render(List.of(), List.of(user, user)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Conversation roles must alternate user/assistant");
    }

    @Test
    void aDirectoryAnswersAsTheReferenceDoes() throws IOException {
        JsonNode golden = json("families/gemma3-chat.json");
        try (var pool = new ComputePool(2)) {
            var kernels = KernelSelector.create("vector", pool);
            try (var checkpoint = ModelLoader.open("tiny", directory, kernels, Precision.F32);
                    var bench = new EngineBench(directory, kernels, Precision.F32)) {
                ChatTemplate template = checkpoint.template();
                int[] prompt = ids(template.render(
                        List.of(text("Be brief.")), List.of(turn(Turn.Role.USER, text("Who made the heaven?")))));
                assertThat(prompt).containsExactly(ints(golden.get("ids")));
                int[] greedy = ints(golden.get("greedy"));
                assertThat(bench.greedy(prompt, greedy.length)).containsExactly(greedy);
                for (String end : new String[] {"<eos>", "<end_of_turn>"}) {
                    int id = checkpoint.tokenizer().controlTokens().get(end);
                    assertThat(checkpoint.tokenizer().endsAnswer(id)).as(end).isTrue();
                }
                assertThat(checkpoint.tokenizer().endsAnswer(greedy[0])).isFalse();
            }
        }
    }
}
