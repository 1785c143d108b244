package longreach.lm.prompt;

import java.util.ArrayList;
import java.util.List;
import longreach.v1.Modality;
import longreach.v1.RenderPart;
import longreach.v1.Segment;
import longreach.v1.SourceMark;
import longreach.v1.TextSegment;

/** Collects markup and parts into segments, cutting text where {@link ChatTemplate} says. */
final class SegmentLayout {
    private final PromptTokenizer tokenizer;
    private final List<Segment> segments = new ArrayList<>();
    // Ids of the unmarked text segment being made, and text that still belongs to it.
    private final TextSegment.Builder ids = TextSegment.newBuilder();
    private final StringBuilder text = new StringBuilder();
    private boolean questionBegins;

    SegmentLayout(PromptTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    void text(String markup) {
        text.append(markup);
    }

    void control(int id) {
        encodeText();
        ids.addTokenIds(id);
    }

    void part(RenderPart part) {
        if (part.getQuestionBegins()) {
            closeText(false);
            questionBegins = true;
        }
        switch (part.getKindCase()) {
            case TEXT -> textPart(part);
            case SOFT -> {
                Integer begin = imageMarker(part, "<start_of_image>");
                Integer end = imageMarker(part, "<end_of_image>");
                if (begin != null && end != null) {
                    text.append("\n\n");
                    control(begin);
                }
                closeText(false);
                add(Segment.newBuilder()
                        .setSoft(part.getSoft())
                        .setModality(part.getModality())
                        .setMark(part.getMark())
                        .setBoundaryAfter(part.getBoundaryAfter()));
                if (begin != null && end != null) {
                    control(end);
                    text.append("\n\n");
                }
            }
            case CALL, RESULT -> throw new IllegalStateException("calls and results are text or messages by now");
            case KIND_NOT_SET -> throw new IllegalArgumentException("part: empty (expected: text or soft tokens)");
        }
    }

    /** A model that has markers for images reads their soft tokens between them, as Gemma 3 does. */
    private Integer imageMarker(RenderPart part, String marker) {
        boolean seen = part.getModality() == Modality.IMAGE || part.getModality() == Modality.VIDEO;
        return seen ? tokenizer.controlTokens().get(marker) : null;
    }

    private void textPart(RenderPart part) {
        if (isText(part.getModality()) && part.getMark().equals(SourceMark.getDefaultInstance())) {
            text.append(part.getText());
            if (part.getBoundaryAfter()) {
                closeText(true);
            }
            return;
        }
        closeText(false);
        TextSegment.Builder own = TextSegment.newBuilder();
        for (int id : tokenizer.encode(part.getText())) {
            own.addTokenIds(id);
        }
        add(Segment.newBuilder()
                .setText(own)
                .setModality(isText(part.getModality()) ? Modality.TEXT : part.getModality())
                .setMark(part.getMark())
                .setBoundaryAfter(part.getBoundaryAfter()));
    }

    private void add(Segment.Builder segment) {
        segments.add(segment.setQuestionBegins(questionBegins).build());
        questionBegins = false;
    }

    private static boolean isText(Modality modality) {
        return modality == Modality.TEXT || modality == Modality.MODALITY_UNSPECIFIED;
    }

    /** The stream up to here is one that others go on from. */
    void boundary() {
        closeText(true);
    }

    private void encodeText() {
        if (!text.isEmpty()) {
            for (int id : tokenizer.encode(text.toString())) {
                ids.addTokenIds(id);
            }
            text.setLength(0);
        }
    }

    private void closeText(boolean boundaryAfter) {
        encodeText();
        if (ids.getTokenIdsCount() > 0) {
            add(Segment.newBuilder()
                    .setText(ids.build())
                    .setModality(Modality.TEXT)
                    .setBoundaryAfter(boundaryAfter));
            ids.clear();
        } else if (boundaryAfter && !segments.isEmpty()) {
            int last = segments.size() - 1;
            segments.set(
                    last, segments.get(last).toBuilder().setBoundaryAfter(true).build());
        }
    }

    List<Segment> segments() {
        closeText(false);
        return List.copyOf(segments);
    }
}
