package longreach.lm.select;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * BM25 (Robertson and Zaragoza 2009) over token ids, with every run of four pieces as a document, as a share of what a
 * document with each of the question's tokens once would score. Tokens that differ in
 * case or in a leading blank alone count as one. It needs no index: one pass over the ids that a request brings counts its
 * question's tokens, some milliseconds for a million.
 */
public final class LexicalSelector implements BlockSelector {
    private static final double K1 = 1.2;
    private static final int SPAN = 4;

    private final int[] form;

    /** @param bytes of each token id in [0, vocabulary) */
    public LexicalSelector(int vocabulary, IntFunction<byte[]> bytes) {
        form = new int[vocabulary];
        Map<String, Integer> forms = new HashMap<>();
        for (int id = 0; id < vocabulary; id++) {
            String text = new String(bytes.apply(id), StandardCharsets.ISO_8859_1)
                    .strip()
                    .toLowerCase(Locale.ROOT);
            form[id] = text.isEmpty() ? -1 : forms.computeIfAbsent(text, t -> forms.size());
        }
    }

    private int form(int id) {
        return id < 0 ? -1 : form[id];
    }

    @Override
    public float[] scores(Candidates candidates, Question question) {
        int[] terms = Arrays.stream(question.ids())
                .map(this::form)
                .filter(f -> f >= 0)
                .distinct()
                .toArray();
        int first = candidates.firstPiece();
        int pieces = Math.max(0, candidates.endPiece() - first);
        if (terms.length == 0 || pieces == 0) {
            return new float[pieces];
        }
        int[] termOf = new int[form.length];
        Arrays.fill(termOf, -1);
        for (int t = 0; t < terms.length; t++) {
            termOf[terms[t]] = t;
        }
        short[] counts = new short[pieces * terms.length];
        for (int position = candidates.start(); position < candidates.end(); position++) {
            int f = form(candidates.id().applyAsInt(position));
            if (f >= 0 && termOf[f] >= 0) {
                counts[(position / Candidates.PIECE - first) * terms.length + termOf[f]]++;
            }
        }
        return scores(counts, pieces, terms.length);
    }

    /** Of each piece: the best score of the documents that hold it near their middle. */
    private static float[] scores(short[] counts, int pieces, int terms) {
        int documents = Math.max(1, pieces - SPAN + 1);
        double[] idf = new double[terms];
        double whole = 0;
        for (int t = 0; t < terms; t++) {
            int holding = 0;
            for (int d = 0; d < documents; d++) {
                holding += count(counts, d, t, pieces, terms) > 0 ? 1 : 0;
            }
            idf[t] = Math.log(1 + (documents - holding + 0.5) / (holding + 0.5));
            whole += idf[t];
        }
        float[] scores = new float[pieces];
        for (int d = 0; d < documents; d++) {
            double score = 0;
            double weight = 0;
            double centre = 0;
            for (int t = 0; t < terms; t++) {
                int n = count(counts, d, t, pieces, terms);
                double each = idf[t] * n * (K1 + 1) / (n + K1);
                score += each;
                // Where in the document its terms are.
                for (int p = d; p < Math.min(pieces, d + SPAN); p++) {
                    double part = n == 0 ? 0 : each * counts[p * terms + t] / n;
                    weight += part;
                    centre += part * p;
                }
            }
            if (score > 0) {
                int middle = (int) Math.round(centre / weight);
                scores[middle] = Math.max(scores[middle], (float) (score / whole));
            }
        }
        return scores;
    }

    private static int count(short[] counts, int document, int term, int pieces, int terms) {
        int n = 0;
        for (int p = document; p < Math.min(pieces, document + SPAN); p++) {
            n += counts[p * terms + term];
        }
        return n;
    }
}
