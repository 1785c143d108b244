package longreach.lm.prompt;

import java.util.ArrayList;
import java.util.List;
import longreach.v1.Modality;
import longreach.v1.Segment;

/** Reads the wire form of a token stream, believing nothing of it. */
public final class StreamDescription {
    private StreamDescription() {}

    /**
     * @param softWidth width of soft tokens that the model takes; 0: it takes none
     * @param maxTokens a stream longer than this is not even built
     * @throws IllegalArgumentException naming the segment, its value and what was expected
     */
    public static TokenStream read(List<Segment> segments, int vocabulary, int softWidth, int maxTokens) {
        long total = 0;
        for (Segment segment : segments) {
            total += segment.hasSoft()
                    ? Integer.toUnsignedLong(segment.getSoft().getTokenCount())
                    : segment.getText().getTokenIdsCount();
        }
        if (total > maxTokens) {
            throw new IllegalArgumentException("prompt: " + total + " tokens (expected: at most " + maxTokens + ")");
        }
        List<TokenStream.Run> runs = new ArrayList<>(segments.size());
        for (int i = 0; i < segments.size(); i++) {
            Segment segment = segments.get(i);
            String at = "segments[" + i + "]";
            Modality modality = modality(segment, at);
            runs.add(
                    switch (segment.getKindCase()) {
                        case TEXT ->
                            new TokenStream.TextRun(ids(segment, vocabulary, at), modality, segment.getBoundaryAfter());
                        case SOFT -> soft(segment, softWidth, modality, at);
                        case PLAIN ->
                            throw new IllegalArgumentException(
                                    at + ": plain text (expected: tokens, as Render made them for this model)");
                        case KIND_NOT_SET ->
                            throw new IllegalArgumentException(at + ": empty (expected: text or soft tokens)");
                    });
        }
        return new TokenStream(runs);
    }

    private static Modality modality(Segment segment, String at) {
        return switch (segment.getModality()) {
            case MODALITY_UNSPECIFIED -> Modality.TEXT;
            case UNRECOGNIZED ->
                throw new IllegalArgumentException(
                        at + ".modality: " + segment.getModalityValue() + " (expected: a known modality)");
            default -> segment.getModality();
        };
    }

    private static int[] ids(Segment segment, int vocabulary, String at) {
        int[] ids = new int[segment.getText().getTokenIdsCount()];
        for (int k = 0; k < ids.length; k++) {
            ids[k] = segment.getText().getTokenIds(k);
            if (ids[k] < 0 || ids[k] >= vocabulary) {
                throw new IllegalArgumentException(at + ".token_ids[" + k + "]: " + Integer.toUnsignedString(ids[k])
                        + " (expected: less than " + vocabulary + ")");
            }
        }
        return ids;
    }

    private static TokenStream.SoftRun soft(Segment segment, int softWidth, Modality modality, String at) {
        if (softWidth == 0) {
            throw new UnsupportedModalityException(
                    at + ": soft tokens (expected: text, which is all that this model takes)");
        }
        var soft = segment.getSoft();
        try {
            return new TokenStream.SoftRun(
                    soft.getDigest().toByteArray(),
                    soft.getTokenCount(),
                    soft.getBidirectional(),
                    modality,
                    segment.getBoundaryAfter());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(at + "." + e.getMessage(), e);
        }
    }
}
