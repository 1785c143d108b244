package longreach.lm.rpc;

import java.util.OptionalInt;
import java.util.OptionalLong;
import longreach.lm.engine.ContextUse;
import longreach.lm.engine.EngineException;
import longreach.lm.engine.GenerateRequest;
import longreach.lm.engine.ServedModel;
import longreach.lm.model.ModelCard;
import longreach.lm.prompt.StreamDescription;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.lm.select.BlockSelector;
import longreach.v1.CacheUse;
import longreach.v1.Open;
import longreach.v1.Segment;
import longreach.v1.SoftTokens;

/** Wire messages to the engine's checked records. */
final class Requests {
    private Requests() {}

    /** @param deadlineNanos on {@link System#nanoTime}'s clock, as {@link GenerateRequest} has it */
    static GenerateRequest open(Open open, ServedModel model, long deadlineNanos) {
        ModelCard card = model.card();
        TokenStream prompt = StreamDescription.read(
                open.getSegmentsList(),
                card.vocabulary(),
                card.softWidth(),
                model.engine().mostPromptTokens());
        return new GenerateRequest(
                open.getTenant(),
                prompt,
                sampling(open.getSampling()),
                AnswerForms.of(open, model, prompt),
                open.getMaxTokens(),
                cache(open.getCache(), open.getCacheValue()),
                context(open),
                deadlineNanos);
    }

    private static ContextUse context(Open open) {
        var use = open.getContext();
        ContextUse.Mode mode = switch (use.getMode()) {
            case AUTO -> ContextUse.Mode.AUTO;
            case EXACT -> ContextUse.Mode.EXACT;
            case LONG -> ContextUse.Mode.LONG;
            case FOCUS -> ContextUse.Mode.FOCUS;
            case UNRECOGNIZED ->
                throw new EngineException.InvalidRequest(
                        "context mode: " + use.getModeValue() + " (expected: AUTO, EXACT, LONG or FOCUS)");
        };
        return new ContextUse(
                mode,
                questionStart(open),
                use.getSelector().isEmpty() ? null : BlockSelector.Kind.of(use.getSelector()),
                use.hasBlocks() ? OptionalInt.of(unsigned("context blocks", use.getBlocks())) : OptionalInt.empty(),
                use.hasLocalTokens()
                        ? OptionalInt.of(unsigned("context local_tokens", use.getLocalTokens()))
                        : OptionalInt.empty());
    }

    /** Where the last segment begins that says so; -1: none does. The stream has been checked. */
    private static int questionStart(Open open) {
        int start = -1;
        int at = 0;
        for (Segment segment : open.getSegmentsList()) {
            if (segment.getQuestionBegins()) {
                start = at;
            }
            at += segment.hasSoft()
                    ? segment.getSoft().getTokenCount()
                    : segment.getText().getTokenIdsCount();
        }
        return start;
    }

    static Sampling sampling(longreach.v1.Sampling s) {
        return new Sampling(
                s.getTemperature(),
                unsigned("topK", s.getTopK()),
                s.getTopP() == 0 ? 1 : s.getTopP(),
                s.getMinP(),
                s.hasSeed() ? OptionalLong.of(s.getSeed()) : OptionalLong.empty(),
                s.getPresencePenalty(),
                s.getFrequencyPenalty(),
                s.getRepetitionPenalty() == 0 ? 1 : s.getRepetitionPenalty(),
                s.getStopList(),
                s.hasLogprobs() ? OptionalInt.of(unsigned("logprobs", s.getLogprobs())) : OptionalInt.empty());
    }

    static int unsigned(String name, int value) {
        if (value < 0) {
            throw new EngineException.InvalidRequest(
                    name + ": " + Integer.toUnsignedString(value) + " (expected: less than 2^31)");
        }
        return value;
    }

    private static GenerateRequest.CacheMode cache(CacheUse use, int number) {
        return switch (use) {
            case READ_WRITE -> GenerateRequest.CacheMode.READ_WRITE;
            case READ_ONLY -> GenerateRequest.CacheMode.READ_ONLY;
            case BYPASS -> GenerateRequest.CacheMode.BYPASS;
            case UNRECOGNIZED ->
                throw new EngineException.InvalidRequest(
                        "cache: " + number + " (expected: READ_WRITE, READ_ONLY or BYPASS)");
        };
    }

    /** Rows of soft tokens as f32, [n, width]. */
    static float[] rows(SoftTokens soft, int width) {
        if (soft.getWidth() != width) {
            throw new EngineException.InvalidRequest("soft width: " + Integer.toUnsignedString(soft.getWidth())
                    + " (expected: " + width + ", the model's)");
        }
        int elementBytes = switch (soft.getType()) {
            case F32 -> 4;
            case F16, BF16 -> 2;
            case SOFT_TYPE_UNSPECIFIED, UNRECOGNIZED ->
                throw new EngineException.InvalidRequest(
                        "soft type: " + soft.getTypeValue() + " (expected: F32, F16 or BF16)");
        };
        int bytes = soft.getData().size();
        if (bytes == 0 || bytes % (width * elementBytes) != 0) {
            throw new EngineException.InvalidRequest(
                    "soft data: " + bytes + " bytes (expected: whole rows of " + width * elementBytes + " bytes)");
        }
        var data = soft.getData().asReadOnlyByteBuffer().order(java.nio.ByteOrder.LITTLE_ENDIAN);
        float[] rows = new float[bytes / elementBytes];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = switch (soft.getType()) {
                case F16 -> Float.float16ToFloat(data.getShort());
                case BF16 -> Float.intBitsToFloat(data.getShort() << 16);
                default -> data.getFloat();
            };
        }
        return rows;
    }
}
