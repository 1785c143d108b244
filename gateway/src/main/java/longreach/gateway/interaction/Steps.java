package longreach.gateway.interaction;

import java.util.ArrayList;
import java.util.List;
import longreach.gemini.v1beta.Candidate;
import longreach.gemini.v1beta.GroundingMetadata;
import longreach.gemini.v1beta.Part;
import longreach.v1.InteractionCitation;
import longreach.v1.InteractionOutput;
import longreach.v1.InteractionStep;
import longreach.v1.RenderPart;
import longreach.v1.ToolCall;

/** What the model has done so far, step by step. Not for several threads at once. */
final class Steps {
    private final List<InteractionStep> closed = new ArrayList<>();
    /** Text of the last step, while more of it may come. */
    private final StringBuilder open = new StringBuilder();

    private boolean thinks;
    private boolean isOpen;

    /** One more piece of the answer; the last one brings the citations of the text. */
    void add(Candidate piece) {
        for (var part : piece.getContent().getPartsList()) {
            switch (part.getDataCase()) {
                case TEXT -> {
                    if (!part.getText().isEmpty()) {
                        text(part.getText(), part.getThought());
                    }
                }
                case FUNCTION_CALL -> {
                    close();
                    closed.add(InteractionStep.newBuilder().setCall(call(part)).build());
                }
                default -> {}
            }
        }
        if (piece.getFinishReason() != Candidate.FinishReason.FINISH_REASON_UNSPECIFIED) {
            end(piece.getGroundingMetadata());
        }
    }

    private void text(String more, boolean thought) {
        if (isOpen && thinks != thought) {
            close();
        }
        isOpen = true;
        thinks = thought;
        open.append(more);
    }

    private static ToolCall call(Part part) {
        return ToolCall.newBuilder()
                .setId(part.getFunctionCall().getId())
                .setName(part.getFunctionCall().getName())
                .setArguments(InteractionJson.print(part.getFunctionCall().getArgs()))
                .build();
    }

    /** Nothing more will be added. */
    void close() {
        if (isOpen) {
            closed.add(opened().toBuilder().setOpen(false).build());
            open.setLength(0);
            isOpen = false;
        }
    }

    private void end(GroundingMetadata grounding) {
        close();
        if (grounding.getGroundingSupportsCount() == 0) {
            return;
        }
        // Grounding counts the bytes of all text together; a step counts its own.
        int start = 0;
        for (int i = 0; i < closed.size(); i++) {
            var step = closed.get(i);
            if (!step.hasOutput()) {
                continue;
            }
            int end = start + bytes(step.getOutput().getText());
            var output = step.getOutput().toBuilder();
            for (var support : grounding.getGroundingSupportsList()) {
                int from = support.getSegment().getStartIndex();
                if (from < start || from >= end) {
                    continue;
                }
                for (int index : support.getGroundingChunkIndicesList()) {
                    var source = grounding.getGroundingChunks(index).getRetrievedContext();
                    output.addCitations(InteractionCitation.newBuilder()
                            .setStart(from - start)
                            .setEnd(Math.min(support.getSegment().getEndIndex(), end) - start)
                            .setUri(source.getUri())
                            .setTitle(source.getTitle())
                            .setSource(source.getText()));
                }
            }
            closed.set(i, step.toBuilder().setOutput(output).build());
            start = end;
        }
    }

    private static int bytes(String text) {
        return text.getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
    }

    private InteractionStep opened() {
        var step = InteractionStep.newBuilder().setOpen(true);
        return thinks
                ? step.setThought(open.toString()).build()
                : step.setOutput(InteractionOutput.newBuilder().setText(open.toString()))
                        .build();
    }

    /** As they are now. */
    List<InteractionStep> list() {
        var all = new ArrayList<>(closed);
        if (isOpen) {
            all.add(opened());
        }
        return all;
    }

    boolean hasCalls() {
        return closed.stream().anyMatch(InteractionStep::hasCall);
    }

    /** The model's turn, as it is said to it again: without what it thought. */
    List<RenderPart> turn() {
        var parts = new ArrayList<RenderPart>();
        for (var step : closed) {
            switch (step.getKindCase()) {
                case OUTPUT ->
                    parts.add(RenderPart.newBuilder()
                            .setText(step.getOutput().getText())
                            .setModality(longreach.v1.Modality.TEXT)
                            .build());
                case CALL ->
                    parts.add(RenderPart.newBuilder().setCall(step.getCall()).build());
                case THOUGHT, KIND_NOT_SET -> {}
            }
        }
        if (!parts.isEmpty()) {
            parts.set(
                    parts.size() - 1,
                    parts.getLast().toBuilder().setBoundaryAfter(true).build());
        }
        return parts;
    }
}
