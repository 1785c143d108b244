package longreach.lm.speculate;

import longreach.lm.sample.Distribution;

/**
 * The rule of speculative sampling (Chen et al., "Accelerating Large Language Model Decoding with Speculative Sampling",
 * arXiv 2302.01318, algorithm 2). A token x drawn from the draft's p is kept with probability min(1, q(x) / p(x)), q being
 * the target's; else the token is drawn from norm(max(0, q - p)). What comes out is distributed as q, whatever p is.
 *
 * <p>Both distributions are the ones that are sampled from, after penalties, temperature and cuts. Where p is certain of x,
 * as with a token copied from the context, the rule keeps x with probability q(x) and else draws from q without x. One
 * draw y from q does the same: keep x when y = x, else emit y. Such drafts are therefore verified by drawing as if there
 * were no draft, and a seed gives the answer that it gives without speculation.
 *
 * <p>Used by one thread.
 */
public final class Acceptance {
    private final Distribution residual = new Distribution();
    private double[] draftProbability = new double[0];

    /**
     * The token to emit in place of a drafted one.
     *
     * @param drafted was drawn from {@code p}
     * @param accept a draw from [0, 1)
     * @param redraw another
     * @return {@code drafted} when it is kept
     */
    public int choose(Distribution p, Distribution q, int drafted, double accept, double redraw) {
        // Without a division, and so that q = p keeps every token.
        if (accept * p.probability(drafted) < q.probability(drafted)) {
            return drafted;
        }
        residual(p, q, residual);
        return residual.pick(redraw);
    }

    /** norm(max(0, q - p)); q itself when rounding leaves nothing of it. */
    void residual(Distribution p, Distribution q, Distribution into) {
        int largest = 0;
        for (int i = 0; i < p.size(); i++) {
            largest = Math.max(largest, p.id(i));
        }
        if (draftProbability.length <= largest) {
            draftProbability = new double[largest + 1];
        }
        for (int i = 0; i < p.size(); i++) {
            draftProbability[p.id(i)] = p.share(i);
        }
        into.clear(q.size());
        for (int i = 0; i < q.size(); i++) {
            int id = q.id(i);
            double known = id <= largest ? draftProbability[id] : 0;
            into.add(id, Math.max(0, q.share(i) - known));
        }
        for (int i = 0; i < p.size(); i++) {
            draftProbability[p.id(i)] = 0;
        }
        if (into.total() <= 0) {
            into.copyFrom(q);
        }
    }
}
