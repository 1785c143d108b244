package longreach.lm.engine;

import java.util.ArrayList;
import java.util.List;
import longreach.lm.sample.Draws;
import longreach.lm.sample.Logprobs;
import longreach.lm.sample.Penalties;
import longreach.lm.sample.Sampler;
import longreach.lm.sample.Sampling;
import longreach.lm.sample.StopMatcher;
import longreach.lm.sample.Utf8Assembler;
import longreach.tensor.kernel.Kernels;

/** The answer of one sequence as it grows: chooses each token and turns it into text. */
final class AnswerText {
    private final Sampling sampling;
    private final Sampler sampler;
    private final Draws draws;
    private final Penalties penalties;
    private final TokenText tokens;
    private final Kernels kernels;
    private final int vocabulary;
    private final Utf8Assembler utf8 = new Utf8Assembler();
    private final StopMatcher stops;
    private int[] ids = new int[64];
    private int count;

    AnswerText(GenerateRequest request, long freshSeed, TokenText tokens, Kernels kernels, int vocabulary) {
        this.sampling = request.sampling();
        this.sampler = sampling.sampler();
        this.draws = new Draws(sampling.seed().orElse(freshSeed));
        this.tokens = tokens;
        this.kernels = kernels;
        this.vocabulary = vocabulary;
        this.stops = new StopMatcher(sampling.stop());
        this.penalties = sampling.hasPenalties() ? new Penalties(sampling, vocabulary) : null;
        if (penalties != null) {
            for (int p = 0; p < request.prompt().length(); p++) {
                penalties.addPrompt(request.prompt().id(p));
            }
        }
    }

    /** Chooses the next token from its logits, which it may change; null: the model ended its turn. */
    AnswerSink.Token next(float[] logits, int offset) {
        double logSumExp = 0;
        List<Logprobs.Entry> best = List.of();
        float[] raw = logits;
        int rawOffset = offset;
        if (sampling.logprobs().isPresent()) {
            logSumExp = Logprobs.logSumExp(logits, offset, vocabulary);
            best = Logprobs.best(logits, offset, vocabulary, sampling.logprobs().getAsInt(), logSumExp);
            if (penalties != null) {
                raw = java.util.Arrays.copyOfRange(logits, offset, offset + vocabulary);
                rawOffset = 0;
            }
        }
        if (penalties != null) {
            penalties.apply(logits, offset);
        }
        int id = sampling.temperature() == 0
                ? kernels.argmax(logits, offset, vocabulary)
                : sampler.pick(logits, offset, vocabulary, draws.at(count));
        if (tokens.endsAnswer(id)) {
            return null;
        }
        if (penalties != null) {
            penalties.addAnswer(id);
        }
        if (count == ids.length) {
            ids = java.util.Arrays.copyOf(ids, 2 * count);
        }
        ids[count++] = id;
        AnswerSink.TokenLogprob logprob = null;
        if (sampling.logprobs().isPresent()) {
            List<AnswerSink.TokenLogprob> top = new ArrayList<>(best.size());
            best.forEach(entry -> top.add(new AnswerSink.TokenLogprob(entry.id(), entry.logprob(), List.of())));
            logprob = new AnswerSink.TokenLogprob(id, (float) (raw[rawOffset + id] - logSumExp), top);
        }
        return new AnswerSink.Token(id, stops.add(utf8.add(tokens.bytes(id))), logprob);
    }

    /** The stop sequence that the text has run into, or null. */
    String stopped() {
        return stops.matched();
    }

    /** Text held back that turned out to be part of the answer. */
    String end() {
        return stops.add(utf8.end()) + stops.end();
    }

    int count() {
        return count;
    }

    int id(int index) {
        return ids[index];
    }
}
