package longreach.gateway.plan;

import com.google.protobuf.ByteString;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import longreach.v1.CachedPrompt;
import longreach.v1.Modality;
import longreach.v1.ModelDescription;
import longreach.v1.RenderPart;
import longreach.v1.Segment;
import longreach.v1.ShownUnit;
import longreach.v1.Turn;

/**
 * What is sent to lm-core, and what it rests on.
 *
 * @param totalTokens of all segments
 * @param media the request's media parts; empty: none
 * @param shown the units that the model sees
 * @param cachedTokens of the cached content that the prompt begins with; empty: none
 * @param own what this request added to what it goes on from
 */
public record Plan(
        ModelDescription model,
        List<Segment> segments,
        int totalTokens,
        LayoutChoice layout,
        List<ReadMedia> media,
        List<Unit> shown,
        Map<Modality, Integer> cachedTokens,
        Own own) {

    /**
     * @param system of the whole prompt
     * @param turns the request's, as they were laid out
     * @param earlierMedia how many of the media are not the request's own
     * @param earlierShown how many of the shown units stood there before
     */
    record Own(List<RenderPart> system, List<Turn> turns, int earlierMedia, int earlierShown) {}

    /**
     * What a follow-up goes on from, without what this request itself went on from.
     *
     * @param answer the model's turn; empty: it said nothing
     * @param functions a public CachedContent with the functions that the model was told of
     */
    public CachedPrompt step(List<RenderPart> answer, ByteString functions) {
        var step = CachedPrompt.newBuilder()
                .addAllSystem(own.system())
                .addAllTurns(own.turns())
                .setFunctions(functions);
        if (!answer.isEmpty()) {
            step.addTurns(Turn.newBuilder().setRole(Turn.Role.MODEL).addAllParts(answer));
        }
        var shownNow = new HashSet<List<Integer>>();
        for (var unit : shown.subList(own.earlierShown(), shown.size())) {
            shownNow.add(List.of(unit.media(), unit.number()));
            if (unit.media() < own.earlierMedia()) {
                step.addShown(ShownUnit.newBuilder().setMedia(unit.media()).setUnit(unit.number()));
            }
        }
        for (var item : media.subList(own.earlierMedia(), media.size())) {
            step.addMedia(StoredMedia.store(item, unit -> shownNow.contains(List.of(unit.media(), unit.number()))));
        }
        return step.build();
    }

    /** Tokens by the modality that they count under, in the order of the enum. */
    public Map<Modality, Integer> tokensByModality() {
        return tokensByModality(segments);
    }

    /** Positions that a segment has in the prompt. */
    public static int tokens(Segment segment) {
        return switch (segment.getKindCase()) {
            case TEXT -> segment.getText().getTokenIdsCount();
            case SOFT -> segment.getSoft().getTokenCount();
            case PLAIN -> segment.getPlain().getTokenCount();
            case KIND_NOT_SET -> 0;
        };
    }

    static Map<Modality, Integer> tokensByModality(List<Segment> segments) {
        var counts = new EnumMap<Modality, Integer>(Modality.class);
        for (var segment : segments) {
            int tokens = tokens(segment);
            var modality =
                    segment.getModality() == Modality.MODALITY_UNSPECIFIED ? Modality.TEXT : segment.getModality();
            if (tokens > 0) {
                counts.merge(modality, tokens, Integer::sum);
            }
        }
        return counts;
    }
}
