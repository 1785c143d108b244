package longreach.gateway.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Collectors;
import longreach.gateway.request.GenerateRequest.RequestTurn;
import longreach.gateway.request.MediaSource;
import longreach.gateway.request.RequestPart;
import longreach.v1.EncodedMedia;
import longreach.v1.MediaOptions;
import longreach.v1.Modality;
import longreach.v1.RenderPart;
import longreach.v1.SourceMark;
import longreach.v1.TextPiece;
import longreach.v1.Turn;
import org.junit.jupiter.api.Test;

class LayoutTest {
    private static final int UNIT = 60;

    private static EncodedMedia pages(String... texts) {
        var media = EncodedMedia.newBuilder();
        for (int i = 0; i < texts.length; i++) {
            media.addPieces(TextPiece.newBuilder()
                    .setText(texts[i])
                    .setMark(SourceMark.newBuilder().setPage(i + 1)));
        }
        return media.build();
    }

    private static String filler(String about) {
        return (about + " is described here with many plain sentences. ").repeat(4);
    }

    private static DocumentLayout.Input input(EncodedMedia media, String... typed) {
        var units = new Units(UNIT).of(0, "files/a", Modality.DOCUMENT, media);
        var part = new RequestPart.MediaPart(
                "contents[0].parts[0]", "", new MediaSource.Uploaded("files/a"), MediaOptions.getDefaultInstance());
        var parts = new java.util.ArrayList<RequestPart>(List.of(part));
        for (var text : typed) {
            parts.add(new RequestPart.TextPart(text));
        }
        return new DocumentLayout.Input(
                List.of(new RequestTurn(Turn.Role.USER, parts)),
                List.of(new ReadMedia("files/a", "a.pdf", Modality.DOCUMENT, units)));
    }

    private static String text(DocumentLayout.Draft draft) {
        return draft.turns().stream()
                .flatMap(turn -> turn.getPartsList().stream())
                .map(RenderPart::getText)
                .collect(Collectors.joining());
    }

    @Test
    void theQuestionBeginsBehindTheMediaOfTheLastTurn() {
        var input = input(pages(filler("Bread"), filler("Bridges")), "Look at this.", "What is baked?");
        var turns = Planner.questionMarked(
                new DocumentLayout.Whole().drafts(input).getFirst().turns());
        assertThat(turns.getFirst().getPartsList())
                .filteredOn(RenderPart::getQuestionBegins)
                .extracting(RenderPart::getText)
                .containsExactly("Look at this.");

        var typed = Turn.newBuilder()
                .setRole(Turn.Role.USER)
                .addParts(RenderPart.newBuilder().setText("A long story."))
                .addParts(RenderPart.newBuilder().setText("Who was it?"))
                .build();
        var answered = Turn.newBuilder()
                .setRole(Turn.Role.MODEL)
                .addParts(RenderPart.newBuilder().setText("It was"))
                .build();
        assertThat(Planner.questionMarked(List.of(typed, answered)).getFirst().getPartsList())
                .extracting(RenderPart::getQuestionBegins)
                .containsExactly(false, true);
    }

    @Test
    void theBestPageStandsBeforeTheQuestion() {
        var input = input(pages(filler("Bread"), filler("Bridges"), filler("Birds")), "Tell me of the bridge?");
        var draft = new DocumentLayout.BestPieces(1, UNIT).drafts(input).getFirst();
        assertThat(draft.shown()).extracting(unit -> unit.mark().getPage()).containsExactly(2);
        assertThat(text(draft)).startsWith("[page 2]\nBridges is").endsWith("\n\nTell me of the bridge?");
        var parts = draft.turns().getFirst().getPartsList();
        assertThat(parts.getFirst().getBoundaryAfter()).isTrue();
        assertThat(parts.getFirst().getModality()).isEqualTo(Modality.DOCUMENT);
        assertThat(parts.getLast().getModality()).isEqualTo(Modality.TEXT);
    }

    @Test
    void twoQuestionsOnAPageShareEverythingBeforeTheQuestion() {
        var media = pages(filler("Bread"), filler("Bridges"));
        var layout = new DocumentLayout.BestPieces(1, UNIT);
        var one =
                layout.drafts(input(media, "What bridges?")).getFirst().turns().getFirst();
        var two = layout.drafts(input(media, "Which bridge then?"))
                .getFirst()
                .turns()
                .getFirst();
        assertThat(one.getParts(0)).isEqualTo(two.getParts(0));
    }

    @Test
    void aNamedPageIsShown() {
        var input = input(pages(filler("Bread"), filler("Bridges"), filler("Birds")), "What is on page 3?");
        assertThat(new DocumentLayout.BestPieces(1, UNIT)
                        .drafts(input)
                        .getFirst()
                        .shown())
                .extracting(unit -> unit.mark().getPage())
                .containsExactly(3);
    }

    @Test
    void withoutACommonWordTheBeginningIsShown() {
        var input =
                input(pages(filler("Bread"), filler("Bridges"), filler("Birds"), filler("Boats")), "Summarise this");
        var drafts = new DocumentLayout.BestPieces(1, UNIT).drafts(input);
        assertThat(drafts.getFirst().shown())
                .extracting(unit -> unit.mark().getPage())
                .containsExactly(1, 2, 3);
        assertThat(drafts)
                .hasSize(3)
                .allSatisfy(draft -> assertThat(text(draft)).endsWith("Summarise this"));
    }

    @Test
    void whatIsSmallIsKeptWhole() {
        var input = input(pages("One line.", "Another line."), "Another?");
        assertThat(new DocumentLayout.BestPieces(1, UNIT)
                        .drafts(input)
                        .getFirst()
                        .shown())
                .hasSize(2);
    }

    @Test
    void wholeKeepsTheOrderAndSandwichRepeatsTheQuestion() {
        var input = input(pages("One.", "Two."), "Which?");
        assertThat(text(new DocumentLayout.Whole().drafts(input).getFirst()))
                .isEqualTo("[page 1]\nOne.\n\n[page 2]\nTwo.\n\nWhich?");
        assertThat(text(new DocumentLayout.Sandwich().drafts(input).getFirst()))
                .isEqualTo("Which?\n\n[page 1]\nOne.\n\n[page 2]\nTwo.\n\nWhich?");
    }

    @Test
    void typedTextIsNeverDropped() {
        var earlier = new RequestTurn(Turn.Role.USER, List.of(new RequestPart.TextPart("first")));
        var reply = new RequestTurn(Turn.Role.MODEL, List.of(new RequestPart.TextPart("second")));
        var base = input(pages(filler("Bread"), filler("Bridges")), "third", "fourth");
        var input =
                new DocumentLayout.Input(List.of(earlier, reply, base.turns().getFirst()), base.media());
        for (var layout : List.of(
                new DocumentLayout.BestPieces(1, UNIT), new DocumentLayout.Whole(), new DocumentLayout.Sandwich())) {
            for (var draft : layout.drafts(input)) {
                assertThat(text(draft)).contains("first", "second", "third", "fourth");
            }
        }
    }

    @Test
    void longPagesAreCutAtSentencesAndLoseNothing() {
        var sentence = "The quick brown fox jumps over the lazy dog again and again. ";
        var units = new Units(UNIT).of(0, "files/a", Modality.DOCUMENT, pages(sentence.repeat(40)));
        assertThat(units).hasSizeGreaterThan(5).allSatisfy(unit -> {
            assertThat(unit.tokens()).isLessThan(UNIT * 3 / 2);
            assertThat(unit.mark().getPage()).isEqualTo(1);
            assertThat(unit.text()).endsWith(".");
        });
        var together = units.stream()
                .flatMap(unit -> unit.passages().stream())
                .map(Passage::text)
                .collect(Collectors.joining(" "));
        assertThat(together).isEqualTo(sentence.repeat(40).strip());
    }

    @Test
    void textWithoutAnyBreakIsCutBetweenCharacters() {
        var parts = new Units(UNIT).split("\uD83D\uDE00".repeat(1000));
        assertThat(String.join("", parts)).isEqualTo("\uD83D\uDE00".repeat(1000));
        assertThat(parts)
                .allSatisfy(part ->
                        assertThat(Character.isLowSurrogate(part.charAt(0))).isFalse());
    }

    @Test
    void stemsMeet() {
        assertThat(Words.of("The closed bridges were opening, she said, in 1,932 cities."))
                .containsExactly("clos", "bridg", "open", "1,932", "city");
        assertThat(Words.of("close bridge opened city")).containsExactly("clos", "bridg", "open", "city");
    }

    @Test
    void clocksAndFragments() {
        var mark =
                SourceMark.newBuilder().setStartMs(65_500).setEndMs(3_723_000).build();
        assertThat(Marks.label(mark)).isEqualTo("01:05-1:02:03");
        assertThat(Marks.fragment(mark)).isEqualTo("#t=65.5,3723");
        assertThat(Marks.fragment(SourceMark.newBuilder().setPage(3).build())).isEqualTo("#page=3");
    }
}
