package longreach.gateway.request;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import longreach.v1.Constraint;
import longreach.v1.ContextUse;
import longreach.v1.MediaOptions;
import longreach.v1.Sampling;
import longreach.v1.Turn;

/**
 * A request whose every value is in its range.
 *
 * @param model name without {@code models/}
 * @param system the caller's own system instruction; empty: none
 * @param turns at least one; roles alternate
 * @param sampling what the caller set; temperature, topP and topK only where {@code set} says so
 * @param maxOutputTokens empty: as many as the model and its context allow
 * @param cachedContent {@code cachedContents/ID} that the turns go on from
 * @param form what the answer must be made of
 * @param candidates how many answers
 * @param context how much of the prompt they see
 * @param resolution how much is seen of images, by models that see
 */
public record GenerateRequest(
        String model,
        List<String> system,
        List<RequestTurn> turns,
        SamplingChoice sampling,
        OptionalInt maxOutputTokens,
        Optional<String> cachedContent,
        Form form,
        int candidates,
        ContextUse context,
        MediaOptions.Resolution resolution) {

    /**
     * @param constraint on the text; null: any
     * @param thinkingBudget most tokens of thoughts; -1: as many as the model likes; 0: none
     * @param includeThoughts whether the caller wants to read them
     */
    public record Form(Constraint constraint, Tools tools, int thinkingBudget, boolean includeThoughts) {
        /** Whether the model shall think, for one that can. */
        public boolean thinks() {
            return thinkingBudget != 0;
        }
    }

    /** One turn of the conversation. */
    public record RequestTurn(Turn.Role role, List<RequestPart> parts) {}

    /**
     * Sampling as the caller wants it; absent values are the model's own.
     *
     * @param logprobs -1: none; else how many best tokens to report beside the chosen one
     */
    public record SamplingChoice(
            Float temperature,
            Float topP,
            Integer topK,
            Integer seed,
            float presencePenalty,
            float frequencyPenalty,
            List<String> stop,
            int logprobs) {

        /**
         * @param model the model's recommended values, for what the caller left open
         * @param candidate counts the answers from 0; with a seed, each has its own
         */
        public Sampling over(longreach.v1.ModelDescription model, int candidate) {
            var out = Sampling.newBuilder()
                    .setTemperature(temperature != null ? temperature : model.getTemperature())
                    .setTopP(topP != null ? topP : model.getTopP())
                    .setTopK(topK != null ? topK : model.getTopK())
                    .setPresencePenalty(presencePenalty)
                    .setFrequencyPenalty(frequencyPenalty)
                    .addAllStop(stop);
            if (seed != null) {
                out.setSeed(Integer.toUnsignedLong(seed + candidate));
            }
            if (logprobs >= 0) {
                out.setLogprobs(logprobs);
            }
            return out.build();
        }
    }

    /** Whether the caller wants answers that see a part of everything, rather than all of a part. */
    public boolean choosesBlocks() {
        return context.getMode() == ContextUse.Mode.LONG || context.getMode() == ContextUse.Mode.FOCUS;
    }

    /** The same request with other turns: what was read or seen in the place of media. */
    public GenerateRequest with(List<RequestTurn> others) {
        return new GenerateRequest(
                model, system, others, sampling, maxOutputTokens, cachedContent, form, candidates, context, resolution);
    }
}
