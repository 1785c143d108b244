package longreach.lm.select;

import java.util.ArrayList;
import java.util.List;

/** From scores of pieces to blocks apart from each other. */
final class Ranking {
    // A small model is misled by what only resembles an answer: with facts of one kind beside each other, four blocks where
    // one held the answer cost more than half of the right answers.
    private static final float KEPT_SHARE = 0.6f;

    private Ranking() {}

    /**
     * The best pieces' surroundings, best first. A piece inside a block that is taken already adds none; one with less than
     * {@link #KEPT_SHARE} of the best score is left out.
     *
     * @param scores by piece from the first candidate on; those that are not positive do not count
     */
    static List<TextBlock> blocks(Candidates candidates, float[] scores, int most) {
        List<TextBlock> chosen = new ArrayList<>();
        float[] left = scores.clone();
        while (chosen.size() < most) {
            int best = -1;
            for (int i = 0; i < left.length; i++) {
                if (left[i] > 0 && (best < 0 || left[i] > left[best])) {
                    best = i;
                }
            }
            if (best < 0
                    || !chosen.isEmpty()
                            && left[best] < KEPT_SHARE * chosen.getFirst().score()) {
                break;
            }
            TextBlock block = candidates.around(candidates.firstPiece() + best, left[best]);
            left[best] = 0;
            boolean apart = true;
            for (TextBlock taken : chosen) {
                apart &= !taken.overlaps(block);
            }
            if (apart) {
                chosen.add(block);
            }
        }
        return chosen;
    }
}
