package longreach.lm.select;

/**
 * Meaning and words together: of each piece the larger of its cosine and the square of its words' coverage. A passage in the
 * question's own words covers nearly all of it (0.9, squared 0.8, above any cosine of a mere likeness); a chance few of them
 * cover less than a third, which squared is below the cosines that count. So words decide where they can, and are silent
 * where the question uses others than the text: what one ranks first is seldom lost to the other, as it is in sums.
 */
public final class FusedSelector implements BlockSelector {
    private final EmbeddingSelector meaning;
    private final LexicalSelector words;

    public FusedSelector(EmbeddingSelector meaning, LexicalSelector words) {
        this.meaning = meaning;
        this.words = words;
    }

    @Override
    public float[] scores(Candidates candidates, Question question) {
        float[] scores = meaning.scores(candidates, question);
        float[] coverage = words.scores(candidates, question);
        for (int i = 0; i < scores.length; i++) {
            scores[i] = Math.max(scores[i], coverage[i] * coverage[i]);
        }
        return scores;
    }
}
