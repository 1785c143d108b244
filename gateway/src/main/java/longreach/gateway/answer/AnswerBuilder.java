package longreach.gateway.answer;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import longreach.gateway.plan.Plan;
import longreach.gateway.plan.ReadMedia;
import longreach.gemini.v1beta.Candidate;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.FunctionCall;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.gemini.v1beta.GenerateContentResponse.UsageMetadata;
import longreach.gemini.v1beta.LogprobsResult;
import longreach.gemini.v1beta.LongreachReceipt;
import longreach.gemini.v1beta.MediaUse;
import longreach.gemini.v1beta.Modality;
import longreach.gemini.v1beta.ModalityTokenCount;
import longreach.gemini.v1beta.Part;
import longreach.gemini.v1beta.SeenBlock;
import longreach.gemini.v1beta.SeenContext;
import longreach.gemini.v1beta.SeenSource;
import longreach.v1.CacheReceipt;
import longreach.v1.Done;
import longreach.v1.ModalityCount;
import longreach.v1.TokenChunk;
import longreach.v1.TokenLogprob;
import longreach.v1.ToolCall;

/** Builds the responses of one answer: usage on every one of them, the rest on the last. */
final class AnswerBuilder {
    private static final double MICROS_PER_MILLI = 1000;

    private final Plan plan;
    private final String responseId;
    private final Citations citations;
    private final StringBuilder text = new StringBuilder();
    private final List<TokenLogprob> logprobs = new ArrayList<>();
    private final boolean includeThoughts;
    private final StringBuilder thoughts = new StringBuilder();
    private final List<Part> calls = new ArrayList<>();
    private int outputTokens;

    /** @param includeThoughts whether the caller wants to read them */
    AnswerBuilder(Plan plan, String responseId, boolean includeThoughts) {
        this.plan = plan;
        this.responseId = responseId;
        this.includeThoughts = includeThoughts;
        citations = new Citations(plan);
    }

    /** A piece of the answer, with what has been used so far; without parts when the caller has nothing to see of it. */
    GenerateContentResponse piece(TokenChunk chunk) {
        text.append(chunk.getText());
        thoughts.append(chunk.getThought());
        var content = Content.newBuilder().setRole("model");
        if (includeThoughts && !chunk.getThought().isEmpty()) {
            content.addParts(thought(chunk.getThought()));
        }
        if (!chunk.getText().isEmpty()) {
            content.addParts(Part.newBuilder().setText(chunk.getText()));
        }
        for (var call : chunk.getCallsList()) {
            calls.add(call(call));
            content.addParts(calls.getLast());
        }
        outputTokens += chunk.getTokenIdsCount();
        logprobs.addAll(chunk.getLogprobsList());
        var usage = UsageMetadata.newBuilder()
                .setPromptTokenCount(plan.totalTokens())
                .setCandidatesTokenCount(outputTokens)
                .setTotalTokenCount(plan.totalTokens() + outputTokens);
        plan.tokensByModality().forEach((modality, tokens) -> usage.addPromptTokensDetails(count(modality, tokens)));
        return response(Candidate.newBuilder().setContent(content), usage.build())
                .build();
    }

    /** The last response. @param whole whether it carries all of the text, as the only one */
    GenerateContentResponse last(Done done, boolean whole) {
        var candidate = Candidate.newBuilder()
                .setContent(whole ? wholeContent() : content(""))
                .setTokenCount(done.getUsage().getOutputTokens());
        switch (done.getReason()) {
            case STOP, PREFILLED, REASON_UNSPECIFIED, UNRECOGNIZED ->
                candidate.setFinishReason(Candidate.FinishReason.STOP);
            case MAX_TOKENS -> candidate.setFinishReason(Candidate.FinishReason.MAX_TOKENS);
            case CONTEXT_FULL ->
                candidate
                        .setFinishReason(Candidate.FinishReason.MAX_TOKENS)
                        .setFinishMessage("the context of " + plan.model().getContextTokens() + " tokens is full");
        }
        if (!citations.isEmpty()) {
            var grounding = citations.ground(text.toString());
            candidate.setGroundingMetadata(grounding);
            if (grounding.getGroundingSupportsCount() > 0) {
                candidate.setCitationMetadata(Citations.cite(grounding));
            }
        }
        addLogprobs(candidate);
        return response(candidate, usage(done))
                .setLongreachReceipt(receipt(done))
                .build();
    }

    private GenerateContentResponse.Builder response(Candidate.Builder candidate, UsageMetadata usage) {
        return GenerateContentResponse.newBuilder()
                .addCandidates(candidate.setIndex(0))
                .setUsageMetadata(usage)
                .setModelVersion(plan.model().getName())
                .setResponseId(responseId);
    }

    private static Content content(String text) {
        return Content.newBuilder()
                .setRole("model")
                .addParts(Part.newBuilder().setText(text))
                .build();
    }

    private Content wholeContent() {
        var content = Content.newBuilder().setRole("model");
        if (includeThoughts && !thoughts.isEmpty()) {
            content.addParts(thought(thoughts.toString()));
        }
        // Calls need no empty text in front of them.
        if (!text.isEmpty() || calls.isEmpty()) {
            content.addParts(Part.newBuilder().setText(text.toString()));
        }
        return content.addAllParts(calls).build();
    }

    private static Part thought(String text) {
        return Part.newBuilder().setText(text).setThought(true).build();
    }

    private static Part call(ToolCall call) {
        var arguments = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(call.getArguments(), arguments);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("lm-core sent a call whose arguments are no JSON object", e);
        }
        return Part.newBuilder()
                .setFunctionCall(FunctionCall.newBuilder()
                        .setId(call.getId())
                        .setName(call.getName())
                        .setArgs(arguments))
                .build();
    }

    private UsageMetadata usage(Done done) {
        var used = done.getUsage();
        var out = UsageMetadata.newBuilder()
                .setPromptTokenCount(used.getPromptTokens())
                .setCandidatesTokenCount(used.getOutputTokens())
                .setThoughtsTokenCount(used.getThoughtTokens())
                .setTotalTokenCount(used.getPromptTokens() + used.getOutputTokens() + used.getThoughtTokens())
                .setCachedContentTokenCount(used.getCachedTokens())
                .addAllPromptTokensDetails(counts(used.getPromptByModalityList()))
                .addAllCacheTokensDetails(counts(used.getCachedByModalityList()));
        if (used.getOutputTokens() > 0) {
            out.addCandidatesTokensDetails(
                    ModalityTokenCount.newBuilder().setModality(Modality.TEXT).setTokenCount(used.getOutputTokens()));
        }
        return out.build();
    }

    private static List<ModalityTokenCount> counts(List<ModalityCount> counts) {
        return counts.stream()
                .filter(each -> each.getTokens() > 0)
                .map(each -> count(each.getModality(), each.getTokens()))
                .toList();
    }

    /** The internal and the public enum number the modalities alike. */
    static ModalityTokenCount count(longreach.v1.Modality modality, int tokens) {
        return ModalityTokenCount.newBuilder()
                .setModalityValue(
                        modality == longreach.v1.Modality.MODALITY_UNSPECIFIED
                                ? Modality.TEXT_VALUE
                                : modality.getNumber())
                .setTokenCount(tokens)
                .build();
    }

    private LongreachReceipt receipt(Done done) {
        CacheReceipt from = done.getReceipt();
        var out = LongreachReceipt.newBuilder()
                .setTokensRestored(from.getTokensRestored())
                .setTokensComputed(from.getTokensComputed())
                .setChunksRestored(from.getChunksRestored())
                .setChunksPublished(from.getChunksPublished())
                .setBytesRestored(from.getBytesRestored())
                .putAllTokensByTier(new TreeMap<>(from.getTokensByTierMap()))
                .addAllRestoredByModality(counts(done.getUsage().getCachedByModalityList()))
                .setRestoreMs(from.getRestoreMicros() / MICROS_PER_MILLI)
                .setPrefillMs(from.getPrefillMicros() / MICROS_PER_MILLI)
                .setSavedMs(from.getSavedMicros() / MICROS_PER_MILLI)
                .setFirstTokenMs(from.getFirstTokenMicros() / MICROS_PER_MILLI)
                .setDecodeMs(from.getDecodeMicros() / MICROS_PER_MILLI)
                .setMissReason(from.getMissReason());
        if (from.hasSeen()) {
            out.setSeen(seen(from.getSeen()));
        }
        if (from.getDecodeMicros() > 0) {
            out.setTokensPerSecond(Math.round(done.getUsage().getOutputTokens() * 1e7 / from.getDecodeMicros()) / 10.0);
        }
        if (!plan.media().isEmpty()) {
            out.setLayout(plan.layout().label());
            for (int i = 0; i < plan.media().size(); i++) {
                out.addMedia(use(plan.media().get(i), i));
            }
        }
        return out.build();
    }

    private SeenContext seen(longreach.v1.SeenContext from) {
        var out = SeenContext.newBuilder()
                .setMode(from.getMode())
                .setSelector(from.getSelector())
                .setPromptTokens(from.getPromptTokens())
                .setChooseMs(from.getChooseMicros() / MICROS_PER_MILLI)
                .setFetchMs(from.getFetchMicros() / MICROS_PER_MILLI)
                .setBlocksMissing(from.getBlocksMissing());
        from.getBlocksList()
                .forEach(block -> out.addBlocks(SeenBlock.newBuilder()
                        .setStartToken(block.getStart())
                        .setEndToken(block.getEnd())
                        .setScore(block.getScore())
                        .addAllSources(sources(block.getStart(), block.getEnd()))));
        return out.build();
    }

    /** Where in the media the tokens [start, end) of the prompt come from. */
    private List<SeenSource> sources(int start, int end) {
        var sources = new ArrayList<SeenSource>();
        int at = 0;
        for (var segment : plan.segments()) {
            int next = at + Plan.tokens(segment);
            if (segment.hasMark() && at < end && next > start) {
                var mark = segment.getMark();
                sources.add(SeenSource.newBuilder()
                        .setFile(mark.getFile())
                        .setPage(mark.getPage())
                        .setStartMs(mark.getStartMs())
                        .setEndMs(mark.getEndMs())
                        .build());
            }
            at = next;
        }
        return sources;
    }

    private MediaUse use(ReadMedia item, int index) {
        return MediaUse.newBuilder()
                .setFile(item.id())
                .setTitle(item.title())
                .setModalityValue(item.modality().getNumber())
                .setReadAs("text")
                .setUnitsShown((int) plan.shown().stream()
                        .filter(unit -> unit.media() == index)
                        .count())
                .setUnitsTotal(item.units().size())
                .build();
    }

    private void addLogprobs(Candidate.Builder candidate) {
        if (logprobs.isEmpty()) {
            return;
        }
        var result = LogprobsResult.newBuilder();
        double sum = 0;
        for (var token : logprobs) {
            sum += token.getLogprob();
            result.addChosenCandidates(chosen(token));
            var top = LogprobsResult.TopCandidates.newBuilder();
            token.getTopList().forEach(each -> top.addCandidates(chosen(each)));
            result.addTopCandidates(top);
        }
        candidate.setLogprobsResult(result.setLogProbabilitySum((float) sum)).setAvgLogprobs(sum / logprobs.size());
    }

    private static LogprobsResult.Candidate chosen(TokenLogprob token) {
        return LogprobsResult.Candidate.newBuilder()
                .setToken(token.getText())
                .setTokenId(token.getTokenId())
                .setLogProbability(token.getLogprob())
                .build();
    }

    /** Tokens by modality, as counting reports them. */
    static List<ModalityTokenCount> details(Map<longreach.v1.Modality, Integer> counts) {
        return counts.entrySet().stream()
                .map(entry -> count(entry.getKey(), entry.getValue()))
                .toList();
    }
}
