package longreach.lm.sample;

import java.util.ArrayList;
import java.util.List;

/** Log-probabilities under the model itself: softmax of the logits as computed, before penalties and temperature. */
public final class Logprobs {
    public record Entry(int id, float logprob) {}

    private Logprobs() {}

    /** log of the sum of exp over logits[offset, offset + n). */
    public static double logSumExp(float[] logits, int offset, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, logits[offset + i]);
        }
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += Math.exp(logits[offset + i] - max);
        }
        return max + Math.log(sum);
    }

    /** The {@code count} most probable tokens, best first. */
    public static List<Entry> best(float[] logits, int offset, int n, int count, double logSumExp) {
        List<Entry> best = new ArrayList<>(count + 1);
        for (int i = 0; i < n; i++) {
            float logprob = (float) (logits[offset + i] - logSumExp);
            if (best.size() == count && (count == 0 || logprob <= best.getLast().logprob())) {
                continue;
            }
            int at = best.size();
            while (at > 0 && best.get(at - 1).logprob() < logprob) {
                at--;
            }
            best.add(at, new Entry(i, logprob));
            if (best.size() > count) {
                best.removeLast();
            }
        }
        return best;
    }
}
