package longreach.lm.select;

import java.util.List;

/** Ranks the blocks of a context by how likely they hold what a question asks for. */
public interface BlockSelector {
    /** Where the choice comes from. */
    enum Kind {
        /** Words in common: BM25 over token ids. */
        LEXICAL,
        /** Meanings of pieces of 32 tokens. */
        EMBEDDING,
        /** The two in turn. */
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

    /** @return at most {@code most} blocks, best first, none overlapping another; those that fit in no way are left out */
    List<TextBlock> rank(Candidates candidates, Question question, int most);
}
