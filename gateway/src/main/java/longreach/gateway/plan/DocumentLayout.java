package longreach.gateway.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;
import longreach.gateway.request.GenerateRequest.RequestTurn;
import longreach.gateway.request.RequestPart;
import longreach.v1.RenderPart;
import longreach.v1.ToolCall;
import longreach.v1.ToolResult;
import longreach.v1.Turn;

/**
 * How the text of media is laid out for a model that reads text only. What the user typed is always there, in its
 * turn and order; the layouts differ in which units stand where.
 */
public sealed interface DocumentLayout {

    /**
     * @param turns the conversation for lm-core
     * @param shown the units in it, in order
     */
    record Draft(List<Turn> turns, List<Unit> shown) {}

    /**
     * @param turns as requested
     * @param media those of earlier turns, then those of the request's media parts, in the order in which they stand in
     *     the turns
     * @param earlier how many media are of earlier turns
     * @param shown units that stand in earlier turns
     */
    record Input(List<RequestTurn> turns, List<ReadMedia> media, int earlier, List<Unit> shown) {
        Input(List<RequestTurn> turns, List<ReadMedia> media) {
            this(turns, media, 0, List.of());
        }

        /** Those that may be shown now. */
        List<Unit> units() {
            var before = new HashSet<List<Integer>>();
            shown.forEach(unit -> before.add(List.of(unit.media(), unit.number())));
            return media.stream()
                    .flatMap(item -> item.units().stream())
                    .filter(unit -> !before.contains(List.of(unit.media(), unit.number())))
                    .toList();
        }

        /** Those of the request's own media. */
        List<Unit> ownUnits() {
            return media.subList(earlier, media.size()).stream()
                    .flatMap(item -> item.units().stream())
                    .toList();
        }

        /** Index of the last user turn, or -1. */
        int lastUserTurn() {
            return IntStream.range(0, turns.size())
                    .filter(i -> turns.get(i).role() == Turn.Role.USER)
                    .max()
                    .orElse(-1);
        }

        String question() {
            int last = lastUserTurn();
            return last < 0 ? "" : String.join("\n", typed(turns.get(last)));
        }
    }

    /** The drafts to try, the fullest first: the first that fits the context is taken. */
    List<Draft> drafts(Input input);

    LayoutChoice choice();

    /**
     * The units that rank best against the question, in front of it. For small models: what they see matters more than
     * how much. Everything is kept where everything together is no longer than one unit.
     *
     * @param pieces most units shown
     * @param unitTokens about the length of one
     */
    record BestPieces(int pieces, int unitTokens) implements DocumentLayout {
        /** Without a word in common with the question ("summarise this"), the beginning is shown, this many units. */
        private static final int BEGINNING_UNITS = 3;

        @Override
        public List<Draft> drafts(Input input) {
            var units = input.units();
            if (units.stream().mapToInt(Unit::tokens).sum() <= unitTokens) {
                return List.of(place(input, units));
            }
            var ranked = ranked(input, units);
            var drafts = new ArrayList<Draft>();
            for (int count = ranked.size(); count > 0; count--) {
                var chosen = ranked.subList(0, count).stream()
                        .sorted(Comparator.comparingInt(Unit::media).thenComparingInt(Unit::number))
                        .toList();
                drafts.add(place(input, chosen));
            }
            return drafts;
        }

        private List<Unit> ranked(Input input, List<Unit> units) {
            var bags = units.stream()
                    .map(unit -> {
                        var words = new ArrayList<String>();
                        unit.passages().forEach(passage -> words.addAll(Words.of(passage.text())));
                        words.addAll(Words.ofMark(unit.mark()));
                        words.addAll(Words.of(input.media().get(unit.media()).title()));
                        return (List<String>) words;
                    })
                    .toList();
            var scores = new Bm25(bags).scores(Words.ofQuestion(input.question()));
            var best = IntStream.range(0, units.size())
                    .filter(i -> scores[i] > 0)
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer i) -> -scores[i]))
                    .limit(pieces)
                    .map(units::get)
                    .toList();
            return best.isEmpty() ? units.subList(0, Math.min(BEGINNING_UNITS, units.size())) : best;
        }

        private static Draft place(Input input, List<Unit> chosen) {
            var turns = new ArrayList<Turn>();
            int last = input.lastUserTurn();
            for (int i = 0; i < input.turns().size(); i++) {
                var turn = input.turns().get(i);
                var parts = new ArrayList<RenderPart>();
                if (i == last) {
                    chosen.forEach(unit -> parts.add(render(input, unit)));
                }
                parts.addAll(typedParts(turn));
                if (!parts.isEmpty()) {
                    turns.add(turn(turn, parts));
                }
            }
            return new Draft(turns, chosen);
        }

        @Override
        public LayoutChoice choice() {
            return LayoutChoice.BEST_PIECES;
        }
    }

    /** Everything, where the request has it. */
    record Whole() implements DocumentLayout {
        @Override
        public List<Draft> drafts(Input input) {
            int[] next = {input.earlier()};
            var turns = new ArrayList<Turn>();
            for (var turn : input.turns()) {
                var parts = new ArrayList<RenderPart>();
                for (var part : turn.parts()) {
                    switch (part) {
                        case RequestPart.TextPart text -> parts.add(typed(text.text()));
                        case RequestPart.CallPart call -> parts.add(rendered(call.call()));
                        case RequestPart.ResultPart result -> parts.add(rendered(result.result()));
                        case RequestPart.SeenPart seen -> parts.addAll(seen.shown());
                        case RequestPart.MediaPart media ->
                            input.media().get(next[0]++).units().forEach(unit -> parts.add(render(input, unit)));
                    }
                }
                if (!parts.isEmpty()) {
                    turns.add(turn(turn, parts));
                }
            }
            return List.of(new Draft(turns, input.ownUnits()));
        }

        @Override
        public LayoutChoice choice() {
            return LayoutChoice.WHOLE;
        }
    }

    /** The question, everything, the question again. */
    record Sandwich() implements DocumentLayout {
        @Override
        public List<Draft> drafts(Input input) {
            var turns = new ArrayList<Turn>();
            int last = input.lastUserTurn();
            for (int i = 0; i < input.turns().size(); i++) {
                var turn = input.turns().get(i);
                var parts = new ArrayList<>(typedParts(turn));
                if (i == last) {
                    if (!parts.isEmpty()) {
                        parts.add(typed("\n\n"));
                    }
                    input.ownUnits().forEach(unit -> parts.add(render(input, unit)));
                    // What was seen needs no second look.
                    typedParts(turn).stream().filter(part -> !part.hasSoft()).forEach(parts::add);
                }
                if (!parts.isEmpty()) {
                    turns.add(turn(turn, parts));
                }
            }
            return List.of(new Draft(turns, input.ownUnits()));
        }

        @Override
        public LayoutChoice choice() {
            return LayoutChoice.SANDWICH;
        }
    }

    private static Turn turn(RequestTurn turn, List<RenderPart> parts) {
        // Follow-ups go on from the end of a turn.
        parts.set(
                parts.size() - 1,
                parts.getLast().toBuilder().setBoundaryAfter(true).build());
        return Turn.newBuilder().setRole(turn.role()).addAllParts(parts).build();
    }

    private static List<String> typed(RequestTurn turn) {
        return turn.parts().stream()
                .filter(RequestPart.TextPart.class::isInstance)
                .map(part -> ((RequestPart.TextPart) part).text())
                .filter(text -> !text.isEmpty())
                .toList();
    }

    private static List<RenderPart> typedParts(RequestTurn turn) {
        var parts = new ArrayList<RenderPart>();
        for (var part : turn.parts()) {
            switch (part) {
                case RequestPart.TextPart text -> {
                    if (!text.text().isEmpty()) {
                        parts.add(typed(text.text()));
                    }
                }
                case RequestPart.CallPart call -> parts.add(rendered(call.call()));
                case RequestPart.ResultPart result -> parts.add(rendered(result.result()));
                case RequestPart.SeenPart seen -> parts.addAll(seen.shown());
                case RequestPart.MediaPart media -> {}
            }
        }
        return parts;
    }

    private static RenderPart rendered(ToolCall call) {
        return RenderPart.newBuilder().setCall(call).build();
    }

    private static RenderPart rendered(ToolResult result) {
        return RenderPart.newBuilder().setResult(result).build();
    }

    private static RenderPart typed(String text) {
        return RenderPart.newBuilder()
                .setText(text)
                .setModality(longreach.v1.Modality.TEXT)
                .build();
    }

    /** With several files the model is also told which one a unit is from. */
    private static RenderPart render(Input input, Unit unit) {
        var item = input.media().get(unit.media());
        var title = input.media().size() > 1 && !item.title().isEmpty() ? "[" + item.title() + "]\n" : "";
        return RenderPart.newBuilder()
                .setText(title + unit.text() + "\n\n")
                .setModality(item.modality())
                .setMark(unit.mark())
                .setBoundaryAfter(true)
                .build();
    }
}
