package longreach.lm.engine;

import java.util.List;
import longreach.lm.kv.Arrangement;
import longreach.lm.kv.ChunkPlanner;
import longreach.lm.kv.KvShape;
import longreach.lm.prompt.TokenStream;
import longreach.lm.select.BlockSelector;
import longreach.lm.select.TextBlock;

/**
 * What a sequence that does not see all of its prompt sees of it, where.
 *
 * @param windowed whether the prompt is prefilled under a window; else exactly
 * @param question position where the question begins, and with it the layout of the answer; the prompt's length: there is
 *     none
 * @param local tokens before the question that it sees whatever is chosen
 * @param blocks most chosen ones
 * @param places most that the pages hold at once
 * @param positions most that the stream has, the answer included
 */
record LongShape(
        boolean windowed,
        int initial,
        int window,
        int question,
        int local,
        int blocks,
        int blockTokens,
        BlockSelector.Kind selector,
        int places,
        int positions) {
    // A question is guessed to be no longer than this share of the context.
    private static final int QUESTION_SHARE = 4;
    // Behind the last boundary there is often but what the template adds.
    private static final int LEAST_QUESTION = 16;

    /**
     * Null when the request is answered exactly.
     *
     * @throws EngineException.InvalidRequest when it asks for what cannot be
     */
    static LongShape of(GenerateRequest request, LongSettings settings, int context, KvShape layers) {
        ContextUse use = request.context();
        TokenStream prompt = request.prompt();
        int length = prompt.length();
        boolean fits = length < context || length == context && request.maxTokens() == 0;
        boolean exact = use.mode() == ContextUse.Mode.EXACT || use.mode() == ContextUse.Mode.AUTO && fits;
        if (exact || use.mode() == ContextUse.Mode.AUTO && !settings.enabled()) {
            return null;
        }
        boolean windowed = use.mode() != ContextUse.Mode.FOCUS;
        check(use, settings, layers, prompt);
        int question = question(request, context);
        int local = Math.min(use.localTokens().orElse(settings.localTokens()), settings.windowTokens());
        int blocks = use.blocks().orElse(settings.blocks());
        BlockSelector.Kind selector = use.selector() == null ? settings.selector() : use.selector();
        if (selector == BlockSelector.Kind.NONE) {
            blocks = 0;
        }
        int seen = Math.min(question, settings.initialTokens() + blocks * settings.blockTokens() + local);
        long asked = length - question;
        if (seen + asked > context || seen + asked == context && request.maxTokens() > 0) {
            throw new EngineException.InvalidRequest("question: " + asked + " tokens beside " + seen
                    + " of its context (expected: fewer than " + context + " together)");
        }
        int prefilled = windowed ? settings.initialTokens() + settings.windowTokens() + ChunkPlanner.CHUNK : question;
        prefilled = Math.min(prefilled, question);
        if (prefilled > context) {
            throw new EngineException.InvalidRequest((windowed ? "long window: " : "prompt: ") + prefilled
                    + " tokens (expected: at most " + context + ", what the model was trained on)");
        }
        int answered = (int) Math.min(context, seen + asked + request.maxTokens());
        return new LongShape(
                windowed,
                settings.initialTokens(),
                settings.windowTokens(),
                question,
                local,
                blocks,
                settings.blockTokens(),
                selector,
                Math.max(prefilled, answered),
                question + answered - seen);
    }

    private static void check(ContextUse use, LongSettings settings, KvShape layers, TokenStream prompt) {
        if (!settings.enabled()) {
            throw new EngineException.InvalidRequest("context mode: "
                    + use.mode().label() + " (expected: auto or exact, since lm-core.long.enabled is" + " false)");
        }
        if (layers.needsCheckpoint()) {
            throw new EngineException.InvalidRequest("context mode: "
                    + (use.mode() == ContextUse.Mode.AUTO
                            ? prompt.length() + " tokens"
                            : use.mode().label())
                    + " (expected: a prompt within the context, since layers of this model slide or recur)");
        }
        for (int i = 0; i < prompt.runs().size(); i++) {
            if (prompt.isBidirectional(i)) {
                throw new EngineException.InvalidRequest(
                        "segment " + i + ": bidirectional tokens (expected: none beyond the model's trained length)");
            }
        }
        if (prompt.length() > settings.maxTokens()) {
            throw new EngineException.InvalidRequest("prompt: " + prompt.length() + " tokens (expected: at most "
                    + settings.maxTokens() + ", lm-core.long.max-tokens)");
        }
    }

    private static int question(GenerateRequest request, int context) {
        TokenStream prompt = request.prompt();
        int length = prompt.length();
        if (request.maxTokens() == 0) {
            return length;
        }
        int most = context / QUESTION_SHARE;
        int told = request.context().questionStart();
        if (told >= 0) {
            return Math.clamp(told, Math.max(0, length - most), length - 1);
        }
        int[] boundaries = prompt.boundaries();
        for (int i = boundaries.length - 1; i >= 0; i--) {
            int behind = length - boundaries[i];
            if (behind > most) {
                break;
            }
            if (behind >= LEAST_QUESTION) {
                return boundaries[i];
            }
        }
        return Math.max(0, length - most / QUESTION_SHARE);
    }

    /** What the prompt's token at {@code next} sees, before the question. */
    Arrangement prefill(int next) {
        return windowed ? Arrangement.window(initial, window, next) : Arrangement.window(0, next, next);
    }

    /** Where the part begins that the question sees whatever is chosen. */
    int localStart() {
        return Math.max(0, question - local);
    }

    /** Whether blocks have to be chosen because not all of the prompt fits. */
    boolean chooses() {
        return blocks > 0 && localStart() - initial > blocks * blockTokens;
    }

    /** What the question sees before itself. */
    Arrangement answer(List<TextBlock> chosen) {
        if (blocks > 0 && !chooses()) {
            return Arrangement.of(question, List.of(), question, question);
        }
        List<int[]> ranges = chosen.stream()
                .map(block -> new int[] {block.start(), block.end()})
                .toList();
        return Arrangement.of(initial, ranges, localStart(), question);
    }
}
