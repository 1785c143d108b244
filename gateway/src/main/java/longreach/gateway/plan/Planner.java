package longreach.gateway.plan;

import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import longreach.gateway.error.ApiException;
import longreach.gateway.request.GenerateRequest;
import longreach.v1.CachedPrompt;
import longreach.v1.ContextUse;
import longreach.v1.LmCoreGrpc;
import longreach.v1.Modality;
import longreach.v1.ModalityCount;
import longreach.v1.ModelDescription;
import longreach.v1.RenderPart;
import longreach.v1.RenderRequest;
import longreach.v1.RenderResponse;
import longreach.v1.Segment;
import longreach.v1.ToolDeclaration;
import longreach.v1.Turn;

/** Lays a request out, has lm-core render it, and takes the fullest draft that fits the model's context. */
public final class Planner {
    /** Measured on short documents with the default model: a quote is right more often than a free answer. */
    static final String QUOTE = "Answer the question with a short quote from the text.";

    private static final long RENDER_SECONDS = 60;

    private final Channel lmCore;
    private final DocumentLayout layout;

    public Planner(Channel lmCore, DocumentLayout layout) {
        this.lmCore = lmCore;
        this.layout = layout;
    }

    /**
     * @param media what was read of the request's media parts, in their order
     * @param prefix what the request goes on from
     * @throws ApiException INVALID_ARGUMENT when not even the shortest draft fits, with both numbers
     */
    public Plan plan(
            GenerateRequest request, ModelDescription model, List<ReadMedia> media, Optional<CachedPrompt> prefix) {
        checkReadable(media);
        var before = prefix.map(Earlier::of).orElse(Earlier.NOTHING);
        var all = new ArrayList<>(before.media());
        media.forEach(item -> all.add(behind(item, before.media().size())));
        RenderResponse rendered = null;
        // Who asks for a choice of blocks has them chosen from everything.
        var laid = request.choosesBlocks() ? new DocumentLayout.Whole() : layout;
        var drafts = laid.drafts(
                new DocumentLayout.Input(request.turns(), all, before.media().size(), before.shown()));
        for (var draft : drafts) {
            if (draft.turns().isEmpty()) {
                throw ApiException.badField("contents", "no text and nothing readable", "some text");
            }
            boolean chooses = request.choosesBlocks();
            var turns = chooses ? questionMarked(draft.turns()) : draft.turns();
            var asked = conversation(request, turns, !media.isEmpty(), prefix);
            rendered = render(model, thinking(request, model, asked));
            boolean fits = rendered.getTotalTokens() < model.getContextTokens();
            if (!fits && !chooses && draft == drafts.getLast() && reaches(request, model)) {
                // Nothing fits: the fullest draft, of which the answer sees a part.
                draft = drafts.getFirst();
                asked = conversation(request, questionMarked(draft.turns()), !media.isEmpty(), prefix);
                rendered = render(model, thinking(request, model, asked));
                chooses = true;
            }
            if (fits || chooses && rendered.getTotalTokens() < most(request, model)) {
                var shown = new ArrayList<>(before.shown());
                shown.addAll(draft.shown());
                return new Plan(
                        model,
                        rendered.getSegmentsList(),
                        rendered.getTotalTokens(),
                        isWhole(before) ? LayoutChoice.WHOLE : laid.choice(),
                        all,
                        shown,
                        prefix.map(Planner::tokens).orElse(Map.of()),
                        new Plan.Own(
                                asked.getSystemList(),
                                draft.turns(),
                                before.media().size(),
                                before.shown().size()));
            }
        }
        if (rendered == null) {
            throw new IllegalStateException("layout " + layout.choice().label() + " made no draft");
        }
        throw tooLong(rendered.getTotalTokens(), most(request, model), model);
    }

    private static boolean isWhole(Earlier before) {
        return !before.media().isEmpty()
                && before.shown().size()
                        == before.media().stream()
                                .mapToInt(item -> item.units().size())
                                .sum();
    }

    private static ReadMedia behind(ReadMedia item, int others) {
        return others == 0
                ? item
                : new ReadMedia(
                        item.id(),
                        item.title(),
                        item.modality(),
                        item.units().stream().map(unit -> unit.behind(others)).toList());
    }

    /**
     * The segments of a conversation up to the end of its last part: what whoever goes on from it begins with.
     *
     * @throws ApiException from lm-core
     */
    public List<Segment> segments(CachedPrompt conversation, List<ToolDeclaration> tools, ModelDescription model) {
        var asked = RenderRequest.newBuilder()
                .addAllSystem(conversation.getSystemList())
                .addAllTools(tools);
        conversation.getTurnsList().forEach(turn -> append(asked, turn));
        return upToLastBoundary(render(model, asked.build()).getSegmentsList());
    }

    private static boolean reaches(GenerateRequest request, ModelDescription model) {
        return request.context().getMode() != ContextUse.Mode.EXACT && model.getLongContextTokens() > 0;
    }

    /** Most tokens of a prompt, seen whole or, where the request lets it, in part. */
    private static int most(GenerateRequest request, ModelDescription model) {
        return reaches(request, model) ? most(model) : model.getContextTokens();
    }

    private static int most(ModelDescription model) {
        return Math.max(model.getContextTokens(), model.getLongContextTokens());
    }

    /** Tells where the question begins: behind the media of the last turn of the user, or with the last part of it. */
    static List<Turn> questionMarked(List<Turn> turns) {
        var marked = new ArrayList<>(turns);
        for (int t = turns.size() - 1; t >= 0; t--) {
            var turn = turns.get(t);
            if (turn.getRole() == Turn.Role.USER && turn.getPartsCount() > 0) {
                int question = turn.getPartsCount() - 1;
                for (int p = 0; p < turn.getPartsCount() - 1; p++) {
                    if (turn.getParts(p).hasMark()) {
                        question = p + 1;
                    }
                }
                marked.set(
                        t,
                        turn.toBuilder()
                                .setParts(
                                        question,
                                        turn.getParts(question).toBuilder().setQuestionBegins(true))
                                .build());
                break;
            }
        }
        return marked;
    }

    private static ApiException tooLong(int tokens, int most, ModelDescription model) {
        return ApiException.badField(
                "contents",
                tokens + " tokens",
                "at most " + (most - 1) + ", the context of models/" + model.getName() + " less one token of answer");
    }

    private static Map<Modality, Integer> tokens(CachedPrompt prompt) {
        var counts = new EnumMap<Modality, Integer>(Modality.class);
        prompt.getTokensList().forEach(count -> counts.put(count.getModality(), count.getTokens()));
        return counts;
    }

    /** @param segments what every conversation that goes on from the prompt begins with */
    public record Prefix(CachedPrompt prompt, List<Segment> segments, int totalTokens) {}

    /**
     * Lays the beginning of later conversations out: everything in its place, since no question is there yet to choose
     * by, up to the end of its last part.
     *
     * @throws ApiException INVALID_ARGUMENT when it leaves no room for a question and an answer
     */
    public Prefix prefix(GenerateRequest request, ModelDescription model, List<ReadMedia> media) {
        checkReadable(media);
        var whole = new DocumentLayout.Whole()
                .drafts(new DocumentLayout.Input(request.turns(), media))
                .getFirst();
        var turns = new ArrayList<>(whole.turns());
        if (!turns.isEmpty() && turns.getLast().getRole() == Turn.Role.USER) {
            turns.add(apart(turns.removeLast()));
        }
        var asked = conversation(request, turns, !media.isEmpty(), Optional.empty());
        var kept = upToLastBoundary(render(model, asked).getSegmentsList());
        var tokens = Plan.tokensByModality(kept);
        int total = tokens.values().stream().mapToInt(Integer::intValue).sum();
        if (total >= most(model)) {
            throw tooLong(total, most(model), model);
        }
        var prompt =
                CachedPrompt.newBuilder().addAllSystem(asked.getSystemList()).addAllTurns(turns);
        media.forEach(item -> prompt.addMedia(StoredMedia.store(item, unit -> true)));
        tokens.forEach((modality, count) -> prompt.addTokens(
                ModalityCount.newBuilder().setModality(modality).setTokens(count)));
        return new Prefix(prompt.build(), kept, total);
    }

    /** What follows the last part is the template's, and depends on who speaks next. */
    private static List<Segment> upToLastBoundary(List<Segment> segments) {
        int end = segments.size();
        while (end > 0 && !segments.get(end - 1).getBoundaryAfter()) {
            end--;
        }
        return segments.subList(0, end);
    }

    /** A question that joins this turn must not touch its last word. */
    private static Turn apart(Turn turn) {
        int last = turn.getPartsCount() - 1;
        if (!turn.getParts(last).hasText()) {
            return turn;
        }
        var text = turn.getParts(last).getText();
        return text.endsWith("\n")
                ? turn
                : turn.toBuilder()
                        .setParts(last, turn.getParts(last).toBuilder().setText(text + "\n\n"))
                        .build();
    }

    private static void checkReadable(List<ReadMedia> media) {
        if (!media.isEmpty() && media.stream().allMatch(item -> item.units().isEmpty())) {
            throw ApiException.failedPrecondition(media.getFirst().id()
                    + ": no text was found in it (expected: readable text or speech, since this model takes media as"
                    + " text)");
        }
    }

    private RenderRequest conversation(
            GenerateRequest request, List<Turn> turns, boolean withMedia, Optional<CachedPrompt> prefix) {
        var proto =
                RenderRequest.newBuilder().addAllTools(request.form().tools().declared());
        prefix.ifPresent(cached -> {
            proto.addAllSystem(cached.getSystemList());
            cached.getTurnsList().forEach(turn -> append(proto, turn));
        });
        var system = request.system().isEmpty() && withMedia && prefix.isEmpty() ? List.of(QUOTE) : request.system();
        for (int i = 0; i < system.size(); i++) {
            proto.addSystem(RenderPart.newBuilder()
                    .setText(i == 0 ? system.get(i) : "\n" + system.get(i))
                    .setModality(Modality.TEXT)
                    .setBoundaryAfter(i == system.size() - 1));
        }
        turns.forEach(turn -> append(proto, turn));
        return proto.build();
    }

    /** Chat templates alternate. */
    private static void append(RenderRequest.Builder conversation, Turn turn) {
        int last = conversation.getTurnsCount() - 1;
        if (last >= 0 && conversation.getTurns(last).getRole() == turn.getRole()) {
            conversation.getTurnsBuilder(last).addAllParts(turn.getPartsList());
        } else {
            conversation.addTurns(turn);
        }
    }

    private static RenderRequest thinking(GenerateRequest request, ModelDescription model, RenderRequest asked) {
        return model.getThinks()
                ? asked.toBuilder().setThinking(request.form().thinks()).build()
                : asked;
    }

    private RenderResponse render(ModelDescription model, RenderRequest conversation) {
        try {
            return LmCoreGrpc.newBlockingStub(lmCore)
                    .withDeadlineAfter(RENDER_SECONDS, TimeUnit.SECONDS)
                    .render(conversation.toBuilder().setModel(model.getName()).build());
        } catch (StatusRuntimeException e) {
            throw ApiException.from(e.getStatus(), "lm-core");
        }
    }
}
