package longreach.lm.engine;

import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;

/**
 * One request, checked against nothing but itself.
 *
 * @param tenant isolates contexts; not empty
 * @param prompt at least one token
 * @param maxTokens most tokens of the answer; 0: prefill and publish only
 * @param form what the answer must be made of
 * @param context how much of the prompt the answer sees
 * @param deadlineNanos on {@link System#nanoTime}'s clock; {@link Long#MAX_VALUE}: none
 */
public record GenerateRequest(
        String tenant,
        TokenStream prompt,
        Sampling sampling,
        AnswerForm form,
        int maxTokens,
        CacheMode cache,
        ContextUse context,
        long deadlineNanos) {
    public static final long NO_DEADLINE = Long.MAX_VALUE;
    private static final int MAX_TENANT_CHARACTERS = 256;

    /** What a request may do with the store. */
    public enum CacheMode {
        READ_WRITE,
        READ_ONLY,
        BYPASS,
        /** Computes everything, and compares it with what the store has. */
        AUDIT;

        boolean reads() {
            return this == READ_WRITE || this == READ_ONLY;
        }

        boolean writes() {
            return this == READ_WRITE || this == AUDIT;
        }

        boolean audits() {
            return this == AUDIT;
        }
    }

    /** For an answer of plain text. */
    public GenerateRequest(
            String tenant, TokenStream prompt, Sampling sampling, int maxTokens, CacheMode cache, long deadlineNanos) {
        this(tenant, prompt, sampling, AnswerForm.FREE, maxTokens, cache, ContextUse.DEFAULT, deadlineNanos);
    }

    /** For an answer that sees as much of its prompt as the engine's settings say. */
    public GenerateRequest(
            String tenant,
            TokenStream prompt,
            Sampling sampling,
            AnswerForm form,
            int maxTokens,
            CacheMode cache,
            long deadlineNanos) {
        this(tenant, prompt, sampling, form, maxTokens, cache, ContextUse.DEFAULT, deadlineNanos);
    }

    public GenerateRequest with(ContextUse other) {
        return new GenerateRequest(tenant, prompt, sampling, form, maxTokens, cache, other, deadlineNanos);
    }

    public GenerateRequest {
        if (tenant.isEmpty() || tenant.length() > MAX_TENANT_CHARACTERS) {
            throw new EngineException.InvalidRequest(
                    "tenant: " + tenant.length() + " characters (expected: 1 to " + MAX_TENANT_CHARACTERS + ")");
        }
        if (prompt.length() == 0) {
            throw new EngineException.InvalidRequest("segments: 0 tokens (expected: at least 1)");
        }
        if (maxTokens < 0) {
            throw new EngineException.InvalidRequest(
                    "max_tokens: " + Integer.toUnsignedString(maxTokens) + " (expected: less than 2^31)");
        }
    }

    boolean expired(long now) {
        return deadlineNanos != NO_DEADLINE && now - deadlineNanos >= 0;
    }
}
