package longreach.gateway.plan;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/**
 * Okapi BM25 over a handful of short documents (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009,
 * section 3.2), with the inverse document frequency that stays positive.
 */
final class Bm25 {
    private static final double K1 = 1.2;
    private static final double B = 0.75;

    private final List<Map<String, Integer>> counts;
    private final int[] lengths;
    private final double meanLength;
    private final Map<String, Integer> documentsWith = new HashMap<>();

    /** @param documents bags of words */
    Bm25(List<List<String>> documents) {
        counts = documents.stream().map(Bm25::count).toList();
        lengths = documents.stream().mapToInt(List::size).toArray();
        double total = 0;
        for (int length : lengths) {
            total += length;
        }
        meanLength = Math.max(1, total / Math.max(1, lengths.length));
        counts.forEach(bag -> bag.keySet().forEach(word -> documentsWith.merge(word, 1, Integer::sum)));
    }

    private static Map<String, Integer> count(List<String> words) {
        var bag = new HashMap<String, Integer>();
        words.forEach(word -> bag.merge(word, 1, Integer::sum));
        return bag;
    }

    /** @return one score per document; 0: no word in common */
    double[] scores(List<String> question) {
        var scores = new double[lengths.length];
        for (var word : new HashSet<>(question)) {
            int with = documentsWith.getOrDefault(word, 0);
            if (with == 0) {
                continue;
            }
            double rarity = Math.log1p((lengths.length - with + 0.5) / (with + 0.5));
            for (int i = 0; i < scores.length; i++) {
                int count = counts.get(i).getOrDefault(word, 0);
                double norm = K1 * (1 - B + B * lengths[i] / meanLength);
                scores[i] += rarity * count * (K1 + 1) / (count + norm);
            }
        }
        return scores;
    }
}
