package longreach.lm.select;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import longreach.lm.embed.SentenceEncoder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Facts planted in a long text are in the first blocks. A token is one word here. */
class SelectorTest {
    private static final String[] PLAIN = ("and the of he they went said unto land house days king people went up down"
                    + " servants bread wine gold silver sheep oxen field gate wall tower spoke answered saw heard"
                    + " morning evening mountain river stone tree seed harvest brother father mother sister sword")
            .split(" ");

    private final SentenceEncoder encoder = new SentenceEncoder();
    private final Words words = new Words();

    @AfterEach
    void close() {
        encoder.close();
    }

    /** Words to ids and back. */
    private static final class Words {
        private final java.util.List<String> byId = new java.util.ArrayList<>();

        int id(String word) {
            int found = byId.indexOf(word);
            if (found < 0) {
                byId.add(word);
                found = byId.size() - 1;
            }
            return found;
        }

        int[] ids(String text) {
            return java.util.Arrays.stream(text.split(" ")).mapToInt(this::id).toArray();
        }

        byte[] bytes(int id) {
            return id < byId.size()
                    ? (" " + byId.get(id)).getBytes(java.nio.charset.StandardCharsets.UTF_8)
                    : new byte[0];
        }
    }

    private int[] haystack(long seed, int length, String... facts) {
        var random = new Random(seed);
        int[] ids = random.ints(length, 0, PLAIN.length)
                .map(i -> words.id(PLAIN[i]))
                .toArray();
        for (int i = 0; i < facts.length; i++) {
            int[] fact = words.ids(facts[i]);
            System.arraycopy(fact, 0, ids, place(i), fact.length);
        }
        return ids;
    }

    private static int place(int fact) {
        return 701 + 1117 * fact;
    }

    private BlockSelector selector(BlockSelector.Kind kind) {
        var lexical = new LexicalSelector(2000, words::bytes);
        var embedding = new EmbeddingSelector(encoder);
        return switch (kind) {
            case LEXICAL -> lexical;
            case EMBEDDING -> embedding;
            case FUSED -> new FusedSelector(embedding, lexical);
            case NONE -> throw new IllegalArgumentException();
        };
    }

    private List<TextBlock> rank(BlockSelector.Kind kind, int[] ids, String question, int most) {
        PieceVectors vectors = null;
        if (kind.needsVectors()) {
            var index = new PieceIndex(encoder, ids.length / 256, words::bytes, p -> ids[p]);
            for (int chunk = 0; chunk < ids.length / 256; chunk++) {
                index.compute(chunk, ids.length);
            }
            vectors = index.vectors();
        }
        var candidates = new Candidates(64, ids.length - 256, 128, p -> ids[p], vectors);
        return selector(kind).rank(candidates, new Question(words.ids(question), question), most);
    }

    private static boolean holds(List<TextBlock> blocks, int fact, int tokens) {
        return blocks.stream().anyMatch(b -> b.start() <= place(fact) && b.end() >= place(fact) + tokens);
    }

    private static final String[] FACTS = {
        "the access code of the laboratory freezer is 7314482",
        "the parking permit of the delivery van is 2290517",
        "the serial number of the violin is 5568103"
    };
    private static final String[] QUESTIONS = {
        "what is the access code of the laboratory freezer",
        "what is the parking permit of the delivery van",
        "what is the serial number of the violin"
    };
    private static final String[] PARAPHRASED = {
        "which digits open the cold store where scientists keep samples",
        "under which licence may the courier truck be left standing",
        "how is the string instrument identified by its maker"
    };

    @Test
    void plantedFactsAreRankedFirst() {
        int[] ids = haystack(1, 4096, FACTS);
        for (var kind : List.of(BlockSelector.Kind.LEXICAL, BlockSelector.Kind.EMBEDDING, BlockSelector.Kind.FUSED)) {
            for (int i = 0; i < FACTS.length; i++) {
                assertThat(holds(rank(kind, ids, QUESTIONS[i], 2), i, FACTS[i].split(" ").length))
                        .as("%s, fact %d", kind, i)
                        .isTrue();
            }
        }
    }

    @Test
    void meaningFindsWhatSharesNoWords() {
        int[] ids = haystack(2, 4096, FACTS);
        for (int i = 0; i < FACTS.length; i++) {
            int tokens = FACTS[i].split(" ").length;
            assertThat(holds(rank(BlockSelector.Kind.EMBEDDING, ids, PARAPHRASED[i], 3), i, tokens))
                    .as("fact %d", i)
                    .isTrue();
            assertThat(holds(rank(BlockSelector.Kind.FUSED, ids, PARAPHRASED[i], 3), i, tokens))
                    .as("fact %d, fused", i)
                    .isTrue();
        }
    }

    @Test
    void whatOnlyResemblesTheAnswerIsLeftOut() {
        int[] ids = haystack(5, 4096, FACTS);
        for (int i = 0; i < FACTS.length; i++) {
            List<TextBlock> blocks = rank(BlockSelector.Kind.FUSED, ids, QUESTIONS[i], 4);
            assertThat(holds(blocks.subList(0, 1), i, FACTS[i].split(" ").length))
                    .isTrue();
            assertThat(blocks).as("fact %d: no other fact", i).hasSize(1);
        }
    }

    @Test
    void blocksAreApartWithinTheCandidatesAndFewerThanAskedWhereNothingFits() {
        int[] ids = haystack(3, 4096, FACTS);
        for (var kind : List.of(BlockSelector.Kind.LEXICAL, BlockSelector.Kind.EMBEDDING, BlockSelector.Kind.FUSED)) {
            List<TextBlock> blocks = rank(kind, ids, "the laboratory and the violin in the house", 8);
            assertThat(blocks).hasSizeLessThanOrEqualTo(8).isNotEmpty();
            for (TextBlock block : blocks) {
                assertThat(block.end() - block.start()).isEqualTo(128);
                assertThat(block.start()).isGreaterThanOrEqualTo(64);
                assertThat(block.end()).isLessThanOrEqualTo(4096 - 256);
                assertThat(blocks.stream().filter(block::overlaps)).containsExactly(block);
            }
        }
        assertThat(rank(BlockSelector.Kind.LEXICAL, ids, "xylophone", 4)).isEmpty();
    }

    @Test
    void aFactAcrossABorderOfPiecesIsNotCut() {
        int[] ids = haystack(4, 4096);
        int[] fact = words.ids(FACTS[0]);
        for (int at : new int[] {1020, 1024 - fact.length, 1151, 1275}) {
            int[] planted = ids.clone();
            System.arraycopy(fact, 0, planted, at, fact.length);
            for (var kind : List.of(BlockSelector.Kind.LEXICAL, BlockSelector.Kind.EMBEDDING)) {
                TextBlock first = rank(kind, planted, QUESTIONS[0], 1).getFirst();
                assertThat(first.start()).as("%s at %d", kind, at).isLessThanOrEqualTo(at);
                assertThat(first.end()).as("%s at %d", kind, at).isGreaterThanOrEqualTo(at + fact.length);
            }
        }
    }
}
