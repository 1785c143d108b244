package longreach.gateway.plan;

import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import longreach.gateway.error.ApiException;
import longreach.gateway.request.GenerateRequest;
import longreach.v1.LmCoreGrpc;
import longreach.v1.ModelDescription;
import longreach.v1.RenderPart;
import longreach.v1.RenderRequest;
import longreach.v1.RenderResponse;
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
     * @throws ApiException INVALID_ARGUMENT when not even the shortest draft fits, with both numbers
     */
    public Plan plan(GenerateRequest request, ModelDescription model, List<ReadMedia> media) {
        checkReadable(media);
        RenderResponse rendered = null;
        var drafts = layout.drafts(new DocumentLayout.Input(request.turns(), media));
        for (var draft : drafts) {
            rendered = render(request, model, draft.turns(), !media.isEmpty());
            if (rendered.getTotalTokens() < model.getContextTokens()) {
                return new Plan(
                        model,
                        rendered.getSegmentsList(),
                        rendered.getTotalTokens(),
                        layout.choice(),
                        media,
                        draft.shown());
            }
        }
        if (rendered == null) {
            throw new IllegalStateException("layout " + layout.choice().label() + " made no draft");
        }
        throw ApiException.badField(
                "contents",
                rendered.getTotalTokens() + " tokens",
                "at most " + (model.getContextTokens() - 1) + ", the context of models/" + model.getName()
                        + " less one token of answer");
    }

    private static void checkReadable(List<ReadMedia> media) {
        if (!media.isEmpty() && media.stream().allMatch(item -> item.units().isEmpty())) {
            throw ApiException.failedPrecondition(media.getFirst().id()
                    + ": no text was found in it (expected: readable text or speech, since this model takes media as"
                    + " text)");
        }
    }

    private RenderResponse render(
            GenerateRequest request, ModelDescription model, List<Turn> turns, boolean withMedia) {
        if (turns.isEmpty()) {
            throw ApiException.badField("contents", "no text and nothing readable", "some text");
        }
        var system = request.system().isEmpty() && withMedia ? List.of(QUOTE) : request.system();
        var proto = RenderRequest.newBuilder().setModel(model.getName()).addAllTurns(turns);
        for (int i = 0; i < system.size(); i++) {
            proto.addSystem(RenderPart.newBuilder()
                    .setText(i == 0 ? system.get(i) : "\n" + system.get(i))
                    .setModality(longreach.v1.Modality.TEXT)
                    .setBoundaryAfter(i == system.size() - 1));
        }
        try {
            return LmCoreGrpc.newBlockingStub(lmCore)
                    .withDeadlineAfter(RENDER_SECONDS, TimeUnit.SECONDS)
                    .render(proto.build());
        } catch (StatusRuntimeException e) {
            throw ApiException.from(e.getStatus(), "lm-core");
        }
    }
}
