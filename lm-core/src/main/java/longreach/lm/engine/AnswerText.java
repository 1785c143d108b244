package longreach.lm.engine;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import longreach.lm.sample.Distribution;
import longreach.lm.sample.Draws;
import longreach.lm.sample.Logprobs;
import longreach.lm.sample.Penalties;
import longreach.lm.sample.Sampler;
import longreach.lm.sample.Sampling;
import longreach.lm.sample.StopMatcher;
import longreach.lm.sample.TokenMask;
import longreach.lm.sample.Utf8Assembler;
import longreach.lm.speculate.Acceptance;
import longreach.tensor.kernel.Kernels;

/** The answer of one sequence as it grows: chooses each token and turns it into text. */
final class AnswerText {
    private final Sampling sampling;
    private final Sampler sampler;
    private final Draws draws;
    private final Draws guessDraws;
    private final Draws acceptDraws;
    private final Draws redraws;
    private final Penalties penalties;
    private final TokenText tokens;
    private final Kernels kernels;
    private final int vocabulary;
    private final Utf8Assembler utf8 = new Utf8Assembler();
    private final StopMatcher stops;
    private final TokenMask mask;
    private final Thoughts thoughts;
    private final CallReader calls;
    private final Utf8Assembler thoughtUtf8 = new Utf8Assembler();
    private final Distribution target = new Distribution();
    private final Acceptance acceptance = new Acceptance();
    private int[] ids = new int[64];
    private int count;

    AnswerText(GenerateRequest request, long freshSeed, TokenText tokens, Kernels kernels, int vocabulary) {
        this.sampling = request.sampling();
        this.sampler = sampling.sampler();
        this.draws = new Draws(sampling.seed().orElse(freshSeed));
        this.guessDraws = draws.stream(1);
        this.acceptDraws = draws.stream(2);
        this.redraws = draws.stream(3);
        this.tokens = tokens;
        this.kernels = kernels;
        this.vocabulary = vocabulary;
        this.stops = new StopMatcher(sampling.stop());
        AnswerForm form = request.form();
        // The request's own mask stays where it is, whoever else may use it.
        this.mask = form.mask() == null ? null : form.mask().fork();
        this.thoughts = new Thoughts(form.thinking());
        this.calls = form.calls() == null ? null : new CallReader(form.calls());
        this.penalties = sampling.hasPenalties() ? new Penalties(sampling, vocabulary) : null;
        if (penalties != null) {
            for (int p = 0; p < request.prompt().length(); p++) {
                penalties.addPrompt(request.prompt().id(p));
            }
        }
    }

    /** Chooses the next token from its logits, which it may change; null: the model ended its turn. */
    AnswerSink.Token next(float[] logits, int offset) {
        return next(logits, offset, null, 0);
    }

    /**
     * Guesses the token {@code ahead} places after the next one.
     *
     * @param logits the draft model's, which may be changed
     * @param from gets what the guess was drawn from
     */
    int guess(float[] logits, int offset, int ahead, Distribution from) {
        if (penalties != null) {
            penalties.apply(logits, offset);
        }
        if (sampling.temperature() == 0) {
            int id = kernels.argmax(logits, offset, vocabulary);
            from.certain(id);
            return id;
        }
        sampler.distribution(logits, offset, vocabulary, from);
        return from.pick(guessDraws.at(count + ahead));
    }

    /**
     * As {@link #next(float[], int)}, where {@code guessed} was drawn from {@code draft}: it is kept as often as keeps the
     * answer's distribution. A null draft stands for one that was certain.
     */
    AnswerSink.Token next(float[] logits, int offset, Distribution draft, int guessed) {
        double logSumExp = 0;
        List<Logprobs.Entry> best = List.of();
        float[] raw = logits;
        int rawOffset = offset;
        if (sampling.logprobs().isPresent()) {
            logSumExp = Logprobs.logSumExp(logits, offset, vocabulary);
            best = Logprobs.best(logits, offset, vocabulary, sampling.logprobs().getAsInt(), logSumExp);
            if (penalties != null || mask != null || thoughts.mustNotOpen() >= 0) {
                raw = Arrays.copyOfRange(logits, offset, offset + vocabulary);
                rawOffset = 0;
            }
        }
        if (penalties != null) {
            penalties.apply(logits, offset);
        }
        int id = restricted(logits, offset);
        if (id < 0) {
            id = pick(logits, offset, draft, guessed);
        }
        if (tokens.endsAnswer(id)) {
            return null;
        }
        if (penalties != null) {
            penalties.addAnswer(id);
        }
        if (count == ids.length) {
            ids = Arrays.copyOf(ids, 2 * count);
        }
        ids[count++] = id;
        AnswerSink.TokenLogprob logprob = null;
        if (sampling.logprobs().isPresent()) {
            List<AnswerSink.TokenLogprob> top = new ArrayList<>(best.size());
            best.forEach(entry -> top.add(logprob(entry.id(), entry.logprob(), List.of())));
            logprob = logprob(id, (float) (raw[rawOffset + id] - logSumExp), top);
        }
        if (thoughts.took(id)) {
            String thought = thoughts.isMarker(id) ? "" : thoughtUtf8.add(tokens.bytes(id));
            return new AnswerSink.Token(id, "", logprob, thought, List.of());
        }
        if (mask != null) {
            mask.accept(id);
        }
        String text = utf8.add(tokens.bytes(id));
        if (calls == null) {
            return new AnswerSink.Token(id, stops.add(text), logprob);
        }
        String visible = stops.add(calls.add(text));
        return new AnswerSink.Token(id, visible, logprob, "", calls.takeCalls());
    }

    private AnswerSink.TokenLogprob logprob(int id, float value, List<AnswerSink.TokenLogprob> top) {
        return new AnswerSink.TokenLogprob(id, new String(tokens.bytes(id), StandardCharsets.UTF_8), value, top);
    }

    /**
     * Keeps the answer to its form.
     *
     * @return the only token that may come; -1: logits of those that may not are minus infinity now
     */
    private int restricted(float[] logits, int offset) {
        if (thoughts.inside()) {
            return thoughts.forced();
        }
        int open = thoughts.mayOpen();
        float openLogit = open < 0 ? 0 : logits[offset + open];
        if (thoughts.mustNotOpen() >= 0) {
            logits[offset + thoughts.mustNotOpen()] = Float.NEGATIVE_INFINITY;
        }
        int only = mask == null ? -1 : mask.apply(logits, offset);
        if (open < 0) {
            return only;
        }
        if (only >= 0) {
            Arrays.fill(logits, offset, offset + only, Float.NEGATIVE_INFINITY);
            Arrays.fill(logits, offset + only + 1, offset + vocabulary, Float.NEGATIVE_INFINITY);
        }
        logits[offset + open] = openLogit;
        return -1;
    }

    /** Whether its form lets nothing follow. */
    boolean whole() {
        return mask != null && mask.ended();
    }

    private int pick(float[] logits, int offset, Distribution draft, int guessed) {
        if (sampling.temperature() == 0) {
            return kernels.argmax(logits, offset, vocabulary);
        }
        sampler.distribution(logits, offset, vocabulary, target);
        return draft == null
                ? target.pick(draws.at(count))
                : acceptance.choose(draft, target, guessed, acceptDraws.at(count), redraws.at(count));
    }

    /** The stop sequence that the text has run into, or null. */
    String stopped() {
        return stops.matched();
    }

    /** Text held back that turned out to be part of the answer. */
    String end() {
        String text = utf8.end();
        String rest = calls == null ? text : calls.add(text) + calls.end();
        return stops.add(rest) + stops.end();
    }

    /** Tokens of thoughts among them. */
    int thoughtCount() {
        return thoughts.tokens();
    }

    int count() {
        return count;
    }

    int id(int index) {
        return ids[index];
    }
}
