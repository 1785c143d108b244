package longreach.gateway.plan;

import java.util.ArrayList;
import java.util.List;
import longreach.v1.CachedMedia;
import longreach.v1.CachedPrompt;

/**
 * What a request goes on from: a cached content, or a conversation so far.
 *
 * @param prompt its messages
 * @param media of its turns, in their order
 * @param shown those of their units that stand in the messages
 */
public record Earlier(CachedPrompt prompt, List<ReadMedia> media, List<Unit> shown) {
    static final Earlier NOTHING = new Earlier(CachedPrompt.getDefaultInstance(), List.of(), List.of());

    public static Earlier of(CachedPrompt prompt) {
        var media = StoredMedia.media(prompt);
        var shown = new ArrayList<Unit>();
        for (int i = 0; i < media.size(); i++) {
            for (var unit : media.get(i).units()) {
                if (!prompt.getMedia(i).getUnits(unit.number()).getHidden()) {
                    shown.add(unit);
                }
            }
        }
        return new Earlier(prompt, media, List.copyOf(shown));
    }

    /**
     * One prompt of the steps of a conversation, the first one first.
     *
     * @throws IllegalStateException when a step speaks of media that no earlier one has
     */
    public static CachedPrompt join(List<CachedPrompt> steps) {
        var whole = CachedPrompt.newBuilder();
        for (var step : steps) {
            if (step.getSystemCount() > 0) {
                whole.clearSystem().addAllSystem(step.getSystemList());
            }
            whole.addAllTurns(step.getTurnsList()).addAllMedia(step.getMediaList());
            for (var unit : step.getShownList()) {
                if (unit.getMedia() >= whole.getMediaCount()
                        || unit.getUnit() >= whole.getMedia(unit.getMedia()).getUnitsCount()) {
                    throw new IllegalStateException("a conversation's step shows a unit that there is not");
                }
                CachedMedia.Builder media = whole.getMediaBuilder(unit.getMedia());
                media.getUnitsBuilder(unit.getUnit()).setHidden(false);
            }
            if (!step.getFunctions().isEmpty()) {
                whole.setFunctions(step.getFunctions());
            }
            whole.addAllTokens(step.getTokensList());
        }
        return whole.build();
    }
}
