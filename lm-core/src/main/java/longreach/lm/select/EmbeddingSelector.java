package longreach.lm.select;

/**
 * Scores pieces by how near their meaning is to the question's: the cosine of their vectors, each without what all of the
 * context's pieces have in common. What they share, its language and manner, is no reason to choose one of them (Mu and
 * Viswanath 2018, with none of the further directions, which helped no more).
 */
public final class EmbeddingSelector implements BlockSelector {
    private final TextEmbedder embedder;

    public EmbeddingSelector(TextEmbedder embedder) {
        this.embedder = embedder;
    }

    /** @throws IllegalArgumentException when the candidates have no vectors */
    @Override
    public float[] scores(Candidates candidates, Question question) {
        PieceVectors vectors = candidates.vectors();
        if (vectors == null) {
            throw new IllegalArgumentException("candidates: no vectors (expected: those of every piece)");
        }
        int first = candidates.firstPiece();
        float[] scores = new float[Math.max(0, candidates.endPiece() - first)];
        float[] common = vectors.common();
        float[] asked = without(common, embedder.embed(question.text()));
        for (int c = 0; c < vectors.chunks(); c++) {
            PieceVectors.Chunk chunk = vectors.chunk(c);
            if (chunk == null) {
                continue;
            }
            for (int piece = 0; piece < chunk.pieces(); piece++) {
                int middle = chunk.middle(piece);
                if (middle >= candidates.start() && middle < candidates.end()) {
                    int cell = middle / Candidates.PIECE - first;
                    float cosine = cosine(chunk.halves(), piece * asked.length, common, asked);
                    scores[cell] = Math.max(scores[cell], cosine);
                }
            }
        }
        return scores;
    }

    /** The rest of a vector, of length 1; zero where nothing is left. */
    private static float[] without(float[] common, float[] vector) {
        float[] rest = new float[vector.length];
        double square = 0;
        for (int i = 0; i < rest.length; i++) {
            rest[i] = vector[i] - common[i];
            square += rest[i] * rest[i];
        }
        float scale = square > 1e-12 ? (float) (1 / Math.sqrt(square)) : 0;
        for (int i = 0; i < rest.length; i++) {
            rest[i] *= scale;
        }
        return rest;
    }

    private static float cosine(short[] halves, int at, float[] common, float[] asked) {
        float dot = 0;
        float square = 0;
        for (int i = 0; i < asked.length; i++) {
            float rest = Float.float16ToFloat(halves[at + i]) - common[i];
            dot += rest * asked[i];
            square += rest * rest;
        }
        return square > 1e-12f ? dot / (float) Math.sqrt(square) : 0;
    }
}
