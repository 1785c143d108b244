package longreach.lm.rpc;

import java.time.Duration;
import java.util.List;
import longreach.lm.backend.ModelBackend;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.Generation;
import longreach.lm.engine.ServedModel;
import longreach.v1.ModelDescription;
import longreach.v1.Open;
import longreach.v1.RenderRequest;
import longreach.v1.RenderResponse;
import longreach.v1.Segment;

/** A model that the engine here runs. */
final class EngineBackend implements ModelBackend {
    private final ServedModel model;

    EngineBackend(ServedModel model) {
        this.model = model;
    }

    @Override
    public ModelDescription describe() {
        return Replies.model(model);
    }

    @Override
    public int softWidth() {
        return model.card().softWidth();
    }

    @Override
    public RenderResponse render(RenderRequest request) {
        List<Segment> segments = model.template()
                .render(
                        request.getSystemList(),
                        request.getTurnsList(),
                        request.getToolsList(),
                        request.hasThinking() ? request.getThinking() : null);
        int total = 0;
        for (Segment segment : segments) {
            total = Math.addExact(
                    total,
                    segment.hasSoft()
                            ? segment.getSoft().getTokenCount()
                            : segment.getText().getTokenIdsCount());
        }
        return RenderResponse.newBuilder()
                .addAllSegments(segments)
                .setTotalTokens(total)
                .build();
    }

    @Override
    public Generation open(Open open, long deadlineNanos, AnswerSink sink) {
        return model.engine().submit(Requests.open(open, model, deadlineNanos), sink);
    }

    @Override
    public void awaitStored(Duration most) throws InterruptedException {
        model.engine().flush(most);
    }
}
