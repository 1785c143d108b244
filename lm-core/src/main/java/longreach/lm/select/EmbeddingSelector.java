package longreach.lm.select;

/** Scores pieces by how near their meaning is to the question's: the cosine of their vectors. */
public final class EmbeddingSelector implements BlockSelector {
    private final TextEmbedder embedder;

    public EmbeddingSelector(TextEmbedder embedder) {
        this.embedder = embedder;
    }

    /** @throws IllegalArgumentException when the candidates have no vectors */
    @Override
    public float[] scores(Candidates candidates, Question question) {
        if (candidates.vectors() == null) {
            throw new IllegalArgumentException("candidates: no vectors (expected: those of every piece)");
        }
        float[] asked = embedder.embed(question.text());
        int first = candidates.firstPiece();
        float[] scores = new float[Math.max(0, candidates.endPiece() - first)];
        for (int i = 0; i < scores.length; i++) {
            if (candidates.vectors().has(first + i)) {
                scores[i] = candidates.vectors().dot(first + i, asked);
            }
        }
        return scores;
    }
}
