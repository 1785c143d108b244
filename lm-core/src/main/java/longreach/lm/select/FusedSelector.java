package longreach.lm.select;

import java.util.ArrayList;
import java.util.List;

/**
 * Several rankings in turn: the first of each, then the second of each. What one of them ranks first is never lost to the
 * others, as it is when ranks or scores are added.
 */
public final class FusedSelector implements BlockSelector {
    private final List<BlockSelector> selectors;

    public FusedSelector(List<BlockSelector> selectors) {
        this.selectors = List.copyOf(selectors);
    }

    @Override
    public List<TextBlock> rank(Candidates candidates, Question question, int most) {
        List<List<TextBlock>> rankings = selectors.stream()
                .map(selector -> selector.rank(candidates, question, most))
                .toList();
        List<TextBlock> chosen = new ArrayList<>();
        for (int rank = 0; rank < most && chosen.size() < most; rank++) {
            for (List<TextBlock> ranking : rankings) {
                if (rank < ranking.size() && chosen.size() < most) {
                    TextBlock block = ranking.get(rank);
                    if (chosen.stream().noneMatch(block::overlaps)) {
                        chosen.add(block);
                    }
                }
            }
        }
        return chosen;
    }
}
