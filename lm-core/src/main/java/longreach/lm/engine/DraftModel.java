package longreach.lm.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import longreach.lm.kv.KvCache;
import longreach.lm.kv.KvPool;
import longreach.lm.kv.KvReservation;
import longreach.lm.model.Batch;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Distribution;
import longreach.lm.schedule.StepPlan;
import longreach.lm.speculate.DraftTrust;
import longreach.tensor.kernel.Kernels;

/**
 * A smaller model of the same vocabulary that guesses the next tokens of running sequences. It has pages of its own and
 * follows each sequence from behind: it reads the prompt when the sequence has read it, in shares beside other work, and
 * forgets what was not accepted. A sequence that it has no room for, or whose prompt is not all text, goes without guesses.
 *
 * <p>The engine closes it; used by the engine's thread.
 */
public final class DraftModel implements AutoCloseable {
    // Tokens that the first guess of a step may bring along; with more the model is behind.
    private static final int MOST_BEHIND = 4;
    private static final double SHARE = 0.2;
    // What seeded answers suppose of the machine, so that their draws do not depend on it.
    private static final double SUPPOSED_ROW = 0.25;

    private final LanguageModel model;
    private final KvPool pool;
    private final Batch batch;
    private final int stepTokens;
    private final StepPlan seededPlan = new StepPlan(rows -> 1 + SUPPOSED_ROW * rows);
    private double nanosPerGuess;
    private double nanosPerPromptToken;

    /**
     * @param model taken over
     * @param kvBytes of its pages
     * @param maxRunning most sequences that it guesses for at once
     * @param stepTokens most tokens that it reads in one step
     * @throws IllegalArgumentException when the model has recurrent layers, whose states cannot go back several steps
     */
    public DraftModel(
            LanguageModel model, Kernels kernels, Precision precision, long kvBytes, int maxRunning, int stepTokens) {
        if (model.kvShape().hasRecurrent()) {
            throw new IllegalArgumentException(
                    "draft model: " + model.card().name() + ", with recurrent layers (expected: attention alone)");
        }
        this.model = model;
        this.stepTokens = stepTokens;
        pool = new KvPool(kernels, model.kvShape(), precision.codec(), kvBytes);
        batch = new Batch(model.card(), Math.max(stepTokens, maxRunning * MOST_BEHIND), maxRunning);
    }

    ModelCard card() {
        return model.card();
    }

    KvPool pool() {
        return pool;
    }

    /** Time of a step that guesses one token of each sequence; 0: not known yet. */
    double nanosPerGuess() {
        return nanosPerGuess;
    }

    /** What this model keeps of one sequence. */
    final class Follower implements AutoCloseable {
        private final TokenStream prompt;
        private final IntUnaryOperator ids;
        private final KvCache cache;
        private final int positions;
        private final DraftTrust trust = new DraftTrust();
        private final List<Distribution> guessed = new ArrayList<>();

        private Follower(TokenStream prompt, IntUnaryOperator ids, KvReservation reservation) {
            this.prompt = prompt;
            this.ids = ids;
            this.positions = reservation.positions();
            cache = new KvCache(pool, model.rotation(), reservation, false);
        }

        /** Whether it has read so much of {@code computed} known positions that it can guess what follows. */
        boolean ready(int computed) {
            return cache.length() >= prompt.length() && computed + 1 - cache.length() <= MOST_BEHIND;
        }

        /**
         * How many guesses are worth making after {@code computed} positions and one more token.
         *
         * @param eachCosts time of a guess, in the unit of the plan's cost
         */
        int length(int computed, int most, StepPlan plan, double eachCosts) {
            return ready(computed) ? trust.length(Math.min(most, positions - computed - 1), plan, eachCosts) : 0;
        }

        /** The same, whatever the machine and other sequences do. */
        int seededLength(int computed, int most, StepPlan plan, double parameterShare) {
            if (!ready(computed)) {
                return 0;
            }
            seededPlan.begin(1, most);
            int length = trust.length(
                    Math.min(most, positions - computed - 1), seededPlan, parameterShare * (1 + SUPPOSED_ROW));
            plan.add(length);
            return length;
        }

        /** What guess {@code index} of this step was drawn from. */
        Distribution guessed(int index) {
            while (guessed.size() <= index) {
                guessed.add(new Distribution());
            }
            return guessed.get(index);
        }

        /** Of {@code guesses} so many were kept; the sequence has {@code computed} positions now. */
        void verified(int guesses, int kept, int computed) {
            trust.observe(guesses, kept);
            cache.truncate(Math.min(cache.length(), computed));
        }

        @Override
        public void close() {
            cache.close();
        }
    }

    /**
     * Begins to follow a sequence.
     *
     * @param ids the token at each known position of prompt and answer
     * @return null when this model cannot
     */
    Follower follow(TokenStream prompt, int positions, IntUnaryOperator ids) {
        if (prompt.length() + 1 >= card().context() || !prompt.softRunsFrom(0).isEmpty()) {
            return null;
        }
        KvReservation reservation =
                pool.reserve(Math.min(positions, card().context()), stepTokens, Engine.MAX_ROLLBACK);
        return reservation == null ? null : new Follower(prompt, ids, reservation);
    }

    /**
     * Reads on in the first sequence that it is behind in.
     *
     * @param sequences that decode
     * @param nanos time that this may take about; infinite when nobody waits
     * @return whether there was anything to read
     */
    boolean catchUp(List<Sequence> sequences, double nanos) {
        for (Sequence sequence : sequences) {
            Follower follower = sequence.follower;
            if (follower == null || follower.ready(sequence.cache.length())) {
                continue;
            }
            int from = follower.cache.length();
            int end = Math.min(sequence.cache.length(), follower.positions);
            // Prompt and answer are computed in their own ways, so not in one entry.
            end = from < follower.prompt.length() ? Math.min(end, follower.prompt.length()) : end;
            if (end <= from) {
                sequence.unfollow();
                continue;
            }
            double affordable = nanosPerPromptToken == 0 ? MOST_BEHIND : Math.max(1, nanos / nanosPerPromptToken);
            int count = (int) Math.min(Math.min(end - from, stepTokens), affordable);
            batch.clear();
            add(follower, from, from + count);
            batch.end(0);
            long began = System.nanoTime();
            model.forward(batch);
            nanosPerPromptToken = smoothed(nanosPerPromptToken, (double) (System.nanoTime() - began) / count);
            return true;
        }
        return false;
    }

    private void add(Follower follower, int from, int to) {
        batch.begin(follower.cache, follower.prompt);
        for (int p = from; p < to; p++) {
            batch.addToken(follower.ids.applyAsInt(p));
        }
    }

    /** Makes the guesses that sequences have planned, all of them together. */
    void guess(List<Sequence> sequences) {
        int steps = 0;
        for (Sequence sequence : sequences) {
            steps = Math.max(steps, sequence.drafted);
        }
        long began = System.nanoTime();
        for (int i = 0; i < steps; i++) {
            batch.clear();
            int row = 0;
            for (Sequence sequence : sequences) {
                if (sequence.drafted > i) {
                    Follower follower = sequence.follower;
                    if (i == 0) {
                        add(follower, follower.cache.length(), sequence.cache.length() + 1);
                    } else {
                        batch.begin(follower.cache, follower.prompt);
                        batch.addToken(sequence.drafts[i - 1]);
                    }
                    batch.end(1);
                }
            }
            model.forward(batch);
            for (Sequence sequence : sequences) {
                if (sequence.drafted > i) {
                    sequence.drafts[i] = sequence.answer.guess(
                            batch.logits(), batch.logitsOffset(row++), i, sequence.follower.guessed(i));
                }
            }
        }
        if (steps > 0) {
            nanosPerGuess = smoothed(nanosPerGuess, (double) (System.nanoTime() - began) / steps);
        }
    }

    private static double smoothed(double old, double now) {
        return old == 0 ? now : (1 - SHARE) * old + SHARE * now;
    }

    @Override
    public void close() {
        pool.close();
        model.close();
    }
}
