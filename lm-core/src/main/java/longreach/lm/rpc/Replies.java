package longreach.lm.rpc;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.List;
import longreach.lm.engine.AnswerSink;
import longreach.lm.engine.Outcome;
import longreach.lm.engine.ServedModel;
import longreach.store.api.ChunkKey;
import longreach.v1.CacheReceipt;
import longreach.v1.Done;
import longreach.v1.GenerateDown;
import longreach.v1.Modality;
import longreach.v1.ModalityCount;
import longreach.v1.ModelDescription;
import longreach.v1.PrefillProgress;
import longreach.v1.SeenBlock;
import longreach.v1.SeenContext;
import longreach.v1.TokenChunk;
import longreach.v1.TokenLogprob;
import longreach.v1.ToolCall;
import longreach.v1.Usage;
import longreach.v1.Want;

/** The engine's records to wire messages. */
final class Replies {
    private Replies() {}

    static ModelDescription model(ServedModel model) {
        var card = model.card();
        var recommended = model.recommended();
        return ModelDescription.newBuilder()
                .addAllSoftModalities(card.softWidth() > 0 ? List.of(Modality.IMAGE) : List.of())
                .setName(card.name())
                .setDisplayName(recommended.displayName())
                .setDescription(recommended.description())
                .setFamily(card.family())
                .setDigest(ByteString.copyFrom(card.digest()))
                .setContextTokens(card.context())
                .setOutputTokens(card.context())
                .setVocabulary(card.vocabulary())
                .setSoftWidth(card.softWidth())
                .setParameters(card.parameters())
                .setTemperature(recommended.temperature())
                .setTopP(recommended.topP())
                .setTopK(recommended.topK())
                .setThinks(model.thinking() != null)
                .setLongContextTokens(longContext(model))
                .setPrecision(model.precision().name().toLowerCase(java.util.Locale.ROOT))
                .build();
    }

    private static int longContext(ServedModel model) {
        int most = model.engine().mostPromptTokens();
        return most > model.card().context() ? most : 0;
    }

    static GenerateDown want(int restoredTokens, List<Integer> softRuns, List<ChunkKey> chunks) {
        var want = Want.newBuilder().setRestoredTokens(restoredTokens).addAllSegments(softRuns);
        chunks.forEach(key -> want.addChunkKeys(ByteString.copyFrom(key.bytes())));
        return GenerateDown.newBuilder().setWant(want).build();
    }

    static GenerateDown prefill(int done, int total) {
        return GenerateDown.newBuilder()
                .setPrefill(PrefillProgress.newBuilder().setDoneTokens(done).setTotalTokens(total))
                .build();
    }

    static GenerateDown token(AnswerSink.Token token) {
        TokenChunk.Builder chunk = TokenChunk.newBuilder()
                .addTokenIds(token.id())
                .setText(token.text())
                .setThought(token.thought());
        token.calls()
                .forEach(call -> chunk.addCalls(ToolCall.newBuilder()
                        .setId(call.id())
                        .setName(call.name())
                        .setArguments(call.arguments())));
        if (token.logprob() != null) {
            chunk.addLogprobs(logprob(token.logprob()));
        }
        return GenerateDown.newBuilder().setTokens(chunk).build();
    }

    private static TokenLogprob logprob(AnswerSink.TokenLogprob logprob) {
        TokenLogprob.Builder built = TokenLogprob.newBuilder()
                .setTokenId(logprob.id())
                .setText(logprob.text())
                .setLogprob(logprob.logprob());
        logprob.top().forEach(top -> built.addTop(logprob(top)));
        return built.build();
    }

    /** Text that was held back comes before the end. @param named whether the chunks of the prompt are told */
    static List<GenerateDown> done(Outcome outcome, boolean named) {
        List<GenerateDown> messages = new ArrayList<>();
        if (!outcome.tailText().isEmpty()) {
            messages.add(GenerateDown.newBuilder()
                    .setTokens(TokenChunk.newBuilder().setText(outcome.tailText()))
                    .build());
        }
        var done = Done.newBuilder()
                .setReason(reason(outcome.reason()))
                .setStopSequence(outcome.stopSequence())
                .setUsage(usage(outcome))
                .setReceipt(receipt(outcome.receipt()).setSeen(seen(outcome.seen())));
        if (named) {
            outcome.promptChunks().forEach(key -> done.addChunkKeys(ByteString.copyFrom(key.bytes())));
        }
        messages.add(GenerateDown.newBuilder().setDone(done).build());
        return messages;
    }

    private static Done.Reason reason(Outcome.Reason reason) {
        return switch (reason) {
            case STOP -> Done.Reason.STOP;
            case MAX_TOKENS -> Done.Reason.MAX_TOKENS;
            case CONTEXT_FULL -> Done.Reason.CONTEXT_FULL;
            case PREFILLED -> Done.Reason.PREFILLED;
        };
    }

    private static Usage usage(Outcome outcome) {
        return Usage.newBuilder()
                .setPromptTokens(outcome.promptTokens())
                .setOutputTokens(outcome.outputTokens() - outcome.thoughtTokens())
                .setThoughtTokens(outcome.thoughtTokens())
                .setCachedTokens(outcome.receipt().tokensRestored())
                .addAllPromptByModality(counts(outcome.promptByModality()))
                .addAllCachedByModality(counts(outcome.restoredByModality()))
                .build();
    }

    private static List<ModalityCount> counts(int[] byNumber) {
        List<ModalityCount> counts = new ArrayList<>();
        for (int number = 0; number < byNumber.length; number++) {
            if (byNumber[number] > 0) {
                counts.add(ModalityCount.newBuilder()
                        .setModality(Modality.forNumber(number))
                        .setTokens(byNumber[number])
                        .build());
            }
        }
        return counts;
    }

    private static SeenContext seen(Outcome.Seen seen) {
        var out = SeenContext.newBuilder()
                .setMode(seen.mode().label())
                .setSelector(seen.selector().label())
                .setPromptTokens(seen.promptTokens())
                .setChooseMicros(micros(seen.chooseMicros()))
                .setFetchMicros(micros(seen.fetchMicros()))
                .setBlocksMissing(seen.blocksMissing());
        seen.blocks()
                .forEach(block -> out.addBlocks(SeenBlock.newBuilder()
                        .setStart(block.start())
                        .setEnd(block.end())
                        .setScore(block.score())));
        return out.build();
    }

    private static CacheReceipt.Builder receipt(Outcome.Receipt r) {
        return CacheReceipt.newBuilder()
                .setTokensRestored(r.tokensRestored())
                .setTokensComputed(r.tokensComputed())
                .setChunksRestored(r.chunksRestored())
                .setChunksPublished(r.chunksPublished())
                .setBytesRestored(r.bytesRestored())
                .putAllTokensByTier(r.tokensByTier())
                .setRestoreMicros(micros(r.restoreMicros()))
                .setPrefillMicros(micros(r.prefillMicros()))
                .setSavedMicros(micros(r.savedMicros()))
                .setFirstTokenMicros(micros(r.firstTokenMicros()))
                .setDecodeMicros(micros(r.decodeMicros()))
                .setMissReason(r.missReason());
    }

    /** The field holds a little over an hour; longer ones are reported as that. */
    private static int micros(long micros) {
        return (int) Math.min(micros, 0xFFFF_FFFFL);
    }
}
