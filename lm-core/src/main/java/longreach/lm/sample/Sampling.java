package longreach.lm.sample;

import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * How the next token is chosen, checked.
 *
 * @param temperature 0: greedy
 * @param topK 0: off
 * @param topP 1: off
 * @param minP 0: off; else tokens below this share of the best one's probability are left out
 * @param seed absent: a fresh one
 * @param presencePenalty taken once off the logit of every token that the answer has used
 * @param frequencyPenalty taken off for each time that the answer has used it
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens of prompt and answer; 1: off
 * @param stop texts that end the answer; they are not part of it
 * @param logprobs log-probabilities of the chosen token and of this many best ones; absent: none
 */
public record Sampling(
        float temperature,
        int topK,
        float topP,
        float minP,
        OptionalLong seed,
        float presencePenalty,
        float frequencyPenalty,
        float repetitionPenalty,
        List<String> stop,
        OptionalInt logprobs) {
    public static final int MAX_STOPS = 16;
    public static final int MAX_STOP_CHARACTERS = 1024;
    public static final int MAX_LOGPROBS = 20;

    public static final Sampling GREEDY =
            new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.empty());

    public Sampling {
        require(temperature >= 0 && temperature <= 2, "temperature", temperature, "0 <= temperature <= 2");
        require(topK >= 0, "topK", topK, "topK >= 0");
        require(topP > 0 && topP <= 1, "topP", topP, "0 < topP <= 1");
        require(minP >= 0 && minP <= 1, "minP", minP, "0 <= minP <= 1");
        require(Math.abs(presencePenalty) <= 2, "presencePenalty", presencePenalty, "-2 <= presencePenalty <= 2");
        require(Math.abs(frequencyPenalty) <= 2, "frequencyPenalty", frequencyPenalty, "-2 <= frequencyPenalty <= 2");
        require(
                repetitionPenalty > 0 && repetitionPenalty <= 10,
                "repetitionPenalty",
                repetitionPenalty,
                "0 < repetitionPenalty <= 10");
        require(stop.size() <= MAX_STOPS, "stopSequences", stop.size() + " of them", "at most " + MAX_STOPS);
        for (String text : stop) {
            require(
                    !text.isEmpty() && text.length() <= MAX_STOP_CHARACTERS,
                    "stopSequences",
                    text.length() + " characters",
                    "1 to " + MAX_STOP_CHARACTERS + " each");
        }
        int best = logprobs.orElse(0);
        require(best >= 0 && best <= MAX_LOGPROBS, "logprobs", best, "0 <= logprobs <= " + MAX_LOGPROBS);
        stop = List.copyOf(stop);
    }

    /** A comparison with NaN is false, so NaN never passes. */
    private static void require(boolean holds, String name, Object value, String expected) {
        if (!holds) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: " + expected + ")");
        }
    }

    public boolean hasPenalties() {
        return presencePenalty != 0 || frequencyPenalty != 0 || repetitionPenalty != 1;
    }

    public Sampler sampler() {
        return temperature == 0 ? new GreedySampler() : new RandomSampler(temperature, topK, topP, minP);
    }
}
