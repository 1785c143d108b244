package longreach.lm.select;

import java.util.List;

/** Ranks pieces by how near their meaning is to the question's; blocks are what surrounds the nearest. */
public final class EmbeddingSelector implements BlockSelector {
    // Cosines lie in [-1, 1]; a ranking takes positive scores.
    private static final float LIFT = 1.001f;

    private final TextEmbedder embedder;

    public EmbeddingSelector(TextEmbedder embedder) {
        this.embedder = embedder;
    }

    /** @throws IllegalArgumentException when the candidates have no vectors */
    @Override
    public List<TextBlock> rank(Candidates candidates, Question question, int most) {
        if (candidates.vectors() == null) {
            throw new IllegalArgumentException("candidates: no vectors (expected: those of every piece)");
        }
        float[] asked = embedder.embed(question.text());
        int first = candidates.firstPiece();
        float[] scores = new float[Math.max(0, candidates.endPiece() - first)];
        for (int i = 0; i < scores.length; i++) {
            if (candidates.vectors().has(first + i)) {
                scores[i] = candidates.vectors().dot(first + i, asked) + LIFT;
            }
        }
        return Ranking.blocks(candidates, scores, most);
    }
}
