package longreach.gateway.answer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import longreach.gateway.plan.Marks;
import longreach.gateway.plan.Passage;
import longreach.gateway.plan.Plan;
import longreach.gateway.plan.ReadMedia;
import longreach.gateway.plan.Words;
import longreach.gemini.v1beta.CitationMetadata;
import longreach.gemini.v1beta.CitationSource;
import longreach.gemini.v1beta.GroundingChunk;
import longreach.gemini.v1beta.GroundingMetadata;
import longreach.gemini.v1beta.GroundingSupport;
import longreach.gemini.v1beta.Segment;

/**
 * What an answer rests on. Every passage that the model saw is a grounding chunk; a sentence of the answer is supported
 * by a passage when most of its words, and all of its numbers, stand there. Nothing is taken on the model's word.
 */
final class Citations {
    /** Share of a sentence's words that must stand in a passage. */
    private static final double ENOUGH = 0.5;
    /** A second passage within this of the best is named beside it. */
    private static final double AS_GOOD = 0.999;

    private static final int MAX_CHUNKS = 200;
    private static final Pattern SENTENCE_END = Pattern.compile("(?<=[.!?])\\s+|\\n+");

    private final List<Source> sources = new ArrayList<>();

    private record Source(String uri, String title, Passage passage, Set<String> words) {}

    Citations(Plan plan) {
        for (var unit : plan.shown()) {
            var item = plan.media().get(unit.media());
            for (var passage : unit.passages()) {
                if (sources.size() < MAX_CHUNKS) {
                    sources.add(new Source(
                            item.id() + Marks.fragment(passage.mark()),
                            title(item, passage),
                            passage,
                            new HashSet<>(Words.of(passage.text()))));
                }
            }
        }
    }

    private static String title(ReadMedia item, Passage passage) {
        var name = item.title().isEmpty() ? item.id() : item.title();
        var place = Marks.label(passage.mark());
        return place.isEmpty() ? name : name + ", " + place;
    }

    boolean isEmpty() {
        return sources.isEmpty();
    }

    /** Chunks and supports; byte offsets into the answer's UTF-8. */
    GroundingMetadata ground(String answer) {
        var out = GroundingMetadata.newBuilder();
        for (var source : sources) {
            out.addGroundingChunks(GroundingChunk.newBuilder()
                    .setRetrievedContext(GroundingChunk.RetrievedContext.newBuilder()
                            .setUri(source.uri())
                            .setTitle(source.title())
                            .setText(source.passage().text())));
        }
        sentences(answer).forEach(sentence -> {
            var support = support(sentence);
            if (support.getGroundingChunkIndicesCount() > 0) {
                out.addGroundingSupports(support);
            }
        });
        return out.build();
    }

    /** The same, for clients that read citations. */
    static CitationMetadata cite(GroundingMetadata grounding) {
        var out = CitationMetadata.newBuilder();
        for (var support : grounding.getGroundingSupportsList()) {
            for (int index : support.getGroundingChunkIndicesList()) {
                out.addCitationSources(CitationSource.newBuilder()
                        .setStartIndex(support.getSegment().getStartIndex())
                        .setEndIndex(support.getSegment().getEndIndex())
                        .setUri(grounding
                                .getGroundingChunks(index)
                                .getRetrievedContext()
                                .getUri()));
            }
        }
        return out.build();
    }

    private GroundingSupport support(Sentence sentence) {
        var words = new HashSet<>(Words.of(sentence.text()));
        var out = GroundingSupport.newBuilder();
        if (words.isEmpty()) {
            return out.build();
        }
        var scores = sources.stream()
                .mapToDouble(source -> overlap(words, source.words()))
                .toArray();
        double best = 0;
        for (double score : scores) {
            best = Math.max(best, score);
        }
        if (best < ENOUGH) {
            return out.build();
        }
        for (int i = 0; i < scores.length; i++) {
            if (scores[i] >= best * AS_GOOD) {
                out.addGroundingChunkIndices(i).addConfidenceScores((float) scores[i]);
            }
        }
        return out.setSegment(Segment.newBuilder()
                        .setStartIndex(sentence.start())
                        .setEndIndex(sentence.end())
                        .setText(sentence.text()))
                .build();
    }

    private static double overlap(Set<String> sentence, Set<String> passage) {
        int common = 0;
        for (var word : sentence) {
            if (passage.contains(word)) {
                common++;
            } else if (Words.isNumber(word)) {
                return 0;
            }
        }
        return (double) common / sentence.size();
    }

    private record Sentence(String text, int start, int end) {}

    private static List<Sentence> sentences(String answer) {
        var sentences = new ArrayList<Sentence>();
        var match = SENTENCE_END.matcher(answer);
        int from = 0;
        while (from < answer.length()) {
            boolean more = match.find();
            int to = more ? match.start() : answer.length();
            var text = answer.substring(from, to);
            if (!text.isBlank()) {
                int start = bytes(answer.substring(0, from));
                sentences.add(new Sentence(text, start, start + bytes(text)));
            }
            from = more ? match.end() : answer.length();
        }
        return sentences;
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }
}
