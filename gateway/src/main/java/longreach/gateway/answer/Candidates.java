package longreach.gateway.answer;

import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.gemini.v1beta.GenerateContentResponse.UsageMetadata;
import longreach.gemini.v1beta.LongreachReceipt;

/** Several answers to one request, each with its index, and the usage of all that came so far. */
final class Candidates implements AnswerSink {
    private final AnswerSink sink;
    private final boolean whole;
    private final GenerateContentResponse.Builder all = GenerateContentResponse.newBuilder();
    private int index;
    /** Of the answers before. */
    private int outputTokens;

    private int thoughtTokens;
    private GenerateContentResponse last;

    Candidates(AnswerSink sink, boolean whole) {
        this.sink = sink;
        this.whole = whole;
    }

    /** What comes now is of this answer. */
    void next(int index) {
        if (last != null) {
            outputTokens += last.getUsageMetadata().getCandidatesTokenCount();
            thoughtTokens += last.getUsageMetadata().getThoughtsTokenCount();
        }
        this.index = index;
    }

    @Override
    public void accept(GenerateContentResponse piece) {
        last = piece;
        var told = piece.toBuilder();
        told.getCandidatesBuilder(0).setIndex(index);
        told.setUsageMetadata(together(piece.getUsageMetadata()));
        if (!whole) {
            sink.accept(told.build());
            return;
        }
        // What the first one restored and computed is what the request cost; the others restored all of that.
        LongreachReceipt receipt = index == 0 ? piece.getLongreachReceipt() : all.getLongreachReceipt();
        var before = all.getCandidatesList();
        var merged = told.clone().clearCandidates();
        merged.addAllCandidates(before).addCandidates(told.getCandidates(0)).setLongreachReceipt(receipt);
        if (index > 0) {
            merged.getUsageMetadataBuilder()
                    .setCachedContentTokenCount(all.getUsageMetadata().getCachedContentTokenCount())
                    .clearCacheTokensDetails()
                    .addAllCacheTokensDetails(all.getUsageMetadata().getCacheTokensDetailsList());
        }
        all.clear().mergeFrom(merged.build());
    }

    private UsageMetadata together(UsageMetadata own) {
        var usage = own.toBuilder()
                .setCandidatesTokenCount(own.getCandidatesTokenCount() + outputTokens)
                .setThoughtsTokenCount(own.getThoughtsTokenCount() + thoughtTokens)
                .setTotalTokenCount(own.getTotalTokenCount() + outputTokens + thoughtTokens);
        if (usage.getCandidatesTokensDetailsCount() > 0) {
            usage.getCandidatesTokensDetailsBuilder(0).setTokenCount(usage.getCandidatesTokenCount());
        }
        return usage.build();
    }

    void end() {
        if (whole) {
            sink.accept(all.build());
        }
    }

    @Override
    public void checkStillThere() {
        sink.checkStillThere();
    }
}
