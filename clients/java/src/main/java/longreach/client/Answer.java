package longreach.client;

import java.util.List;
import java.util.stream.Collectors;
import longreach.gemini.v1beta.Candidate;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.FunctionCall;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.gemini.v1beta.LongreachReceipt;
import longreach.gemini.v1beta.Part;

/**
 * A whole answer.
 *
 * @param content what the model said, as the next request's history wants it
 * @param finishReason why it ended
 * @param usage tokens of prompt and answer
 * @param receipt what was restored and what was computed
 * @param sources titles of the passages that bear the answer out
 */
public record Answer(
        Content content,
        Candidate.FinishReason finishReason,
        GenerateContentResponse.UsageMetadata usage,
        LongreachReceipt receipt,
        List<String> sources) {

    /** @param response a whole answer, or the last message of a stream with all of its parts */
    static Answer of(GenerateContentResponse response) {
        var candidate = response.getCandidatesCount() == 0 ? Candidate.getDefaultInstance() : response.getCandidates(0);
        var sources = candidate.getGroundingMetadata().getGroundingChunksList().stream()
                .map(chunk -> chunk.getRetrievedContext().getTitle())
                .filter(title -> !title.isEmpty())
                .distinct()
                .toList();
        return new Answer(
                candidate.getContent(),
                candidate.getFinishReason(),
                response.getUsageMetadata(),
                response.getLongreachReceipt(),
                sources);
    }

    /** What was said, without thoughts. */
    public String text() {
        return text(content);
    }

    public List<FunctionCall> functionCalls() {
        return content.getPartsList().stream()
                .filter(Part::hasFunctionCall)
                .map(Part::getFunctionCall)
                .toList();
    }

    static String text(Content content) {
        return content.getPartsList().stream()
                .filter(part -> !part.getThought())
                .map(Part::getText)
                .collect(Collectors.joining());
    }
}
