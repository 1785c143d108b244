package longreach.lm.select;

import java.util.List;

/** Ranks the blocks of a context by how likely they hold what a question asks for. */
public interface BlockSelector {
    /** Where the choice comes from. */
    enum Kind {
        /** Words in common: BM25 over token ids. */
        LEXICAL,
        /** Meanings of sentences. */
        EMBEDDING,
        /** Whichever of the two is surer. */
        FUSED,
        /** No blocks: the first tokens and the last ones alone. */
        NONE;

        public boolean needsVectors() {
            return this == EMBEDDING || this == FUSED;
        }

        /** As it is written in settings, requests and receipts. */
        public String label() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }

        /** @throws IllegalArgumentException for another name */
        public static Kind of(String label) {
            for (Kind kind : values()) {
                if (kind.label().equalsIgnoreCase(label)) {
                    return kind;
                }
            }
            throw new IllegalArgumentException("selector: " + label + " (expected: lexical, embedding, fused or none)");
        }
    }

    /**
     * How well each piece fits the question, from the first candidate's on: about 1 for one that says what is asked, near 0
     * for others; what is not positive is never chosen.
     */
    float[] scores(Candidates candidates, Question question);

    /**
     * @return at most {@code most} blocks, best first, none overlapping another; those that fit in no way, or far worse than
     *     the best, are left out
     */
    default List<TextBlock> rank(Candidates candidates, Question question, int most) {
        return Ranking.blocks(candidates, scores(candidates, question), most);
    }
}
