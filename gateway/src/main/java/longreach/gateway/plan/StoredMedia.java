package longreach.gateway.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import longreach.v1.CachedMedia;
import longreach.v1.CachedPassage;
import longreach.v1.CachedPrompt;
import longreach.v1.CachedUnit;

/** The way of a cached prompt's media from and to what is stored. */
final class StoredMedia {
    private static final String INLINE = "inline/";
    /** The inline parts of a later request are counted from 1 too. */
    private static final String CACHED = "cached-";

    private StoredMedia() {}

    /** @param shown whether a unit stands in the prompt */
    static CachedMedia store(ReadMedia item, Predicate<Unit> shown) {
        var out = CachedMedia.newBuilder()
                .setId(item.id().startsWith(INLINE) ? CACHED + item.id() : item.id())
                .setTitle(item.title())
                .setModality(item.modality());
        for (var unit : item.units()) {
            var stored = CachedUnit.newBuilder()
                    .setMark(unit.mark())
                    .setText(unit.text())
                    .setHidden(!shown.test(unit));
            unit.passages()
                    .forEach(passage -> stored.addPassages(
                            CachedPassage.newBuilder().setMark(passage.mark()).setText(passage.text())));
            out.addUnits(stored);
        }
        return out.build();
    }

    /** The media of a prompt, first in its request. */
    static List<ReadMedia> media(CachedPrompt prompt) {
        var media = new ArrayList<ReadMedia>();
        for (var item : prompt.getMediaList()) {
            int index = media.size();
            var units = new ArrayList<Unit>();
            for (var unit : item.getUnitsList()) {
                var passages = unit.getPassagesList().stream()
                        .map(passage -> new Passage(passage.getMark(), passage.getText()))
                        .toList();
                units.add(new Unit(index, units.size(), unit.getMark(), unit.getText(), passages));
            }
            media.add(new ReadMedia(item.getId(), item.getTitle(), item.getModality(), units));
        }
        return media;
    }
}
