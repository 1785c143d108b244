package longreach.gateway.plan;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import longreach.v1.Modality;
import longreach.v1.ModelDescription;
import longreach.v1.Segment;

/**
 * What is sent to lm-core, and what it rests on.
 *
 * @param totalTokens of all segments
 * @param media the request's media parts; empty: none
 * @param shown the units that the model sees
 * @param cachedTokens of the cached content that the prompt begins with; empty: none
 */
public record Plan(
        ModelDescription model,
        List<Segment> segments,
        int totalTokens,
        LayoutChoice layout,
        List<ReadMedia> media,
        List<Unit> shown,
        Map<Modality, Integer> cachedTokens) {

    /** Tokens by the modality that they count under, in the order of the enum. */
    public Map<Modality, Integer> tokensByModality() {
        return tokensByModality(segments);
    }

    static Map<Modality, Integer> tokensByModality(List<Segment> segments) {
        var counts = new EnumMap<Modality, Integer>(Modality.class);
        for (var segment : segments) {
            int tokens = switch (segment.getKindCase()) {
                case TEXT -> segment.getText().getTokenIdsCount();
                case SOFT -> segment.getSoft().getTokenCount();
                case PLAIN -> segment.getPlain().getTokenCount();
                case KIND_NOT_SET -> 0;
            };
            var modality =
                    segment.getModality() == Modality.MODALITY_UNSPECIFIED ? Modality.TEXT : segment.getModality();
            if (tokens > 0) {
                counts.merge(modality, tokens, Integer::sum);
            }
        }
        return counts;
    }
}
