package longreach.gateway.answer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
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
 * What an answer rests on. A sentence of the answer is supported by a passage that the model saw when most of its words,
 * and all of its numbers, stand there; nothing is taken on the model's word. The grounding chunks are the passages that
 * support something, or, where none does, the units that were shown.
 */
final class Citations {
    /** Share of a sentence's words that must stand in a passage. */
    private static final double ENOUGH = 0.5;
    /** Another passage within this of the best is named beside it. */
    private static final double AS_GOOD = 0.999;

    private static final int MAX_SOURCES = 2000;
    /** Passages named for one sentence when several support it alike. */
    private static final int MAX_EQUALS = 3;

    private static final Pattern SENTENCE_END = Pattern.compile("(?<=[.!?])\\s+|\\n+");

    private final List<Source> sources = new ArrayList<>();

    private final List<Source> shown = new ArrayList<>();

    private record Source(ReadMedia item, Passage passage, Set<String> words) {
        String uri() {
            return item.id() + Marks.fragment(passage.mark());
        }

        GroundingChunk chunk() {
            var name = item.title().isEmpty() ? item.id() : item.title();
            var place = Marks.label(passage.mark());
            return GroundingChunk.newBuilder()
                    .setRetrievedContext(GroundingChunk.RetrievedContext.newBuilder()
                            .setUri(uri())
                            .setTitle(place.isEmpty() ? name : name + ", " + place)
                            .setText(passage.text()))
                    .build();
        }
    }

    Citations(Plan plan) {
        for (var unit : plan.shown()) {
            var item = plan.media().get(unit.media());
            shown.add(new Source(item, new Passage(unit.mark(), unit.text()), Set.of()));
            for (var passage : unit.passages()) {
                if (sources.size() < MAX_SOURCES) {
                    sources.add(new Source(item, passage, new HashSet<>(Words.of(passage.text()))));
                }
            }
        }
    }

    boolean isEmpty() {
        return shown.isEmpty();
    }

    /** Chunks and supports; byte offsets into the answer's UTF-8. */
    GroundingMetadata ground(String answer) {
        var out = GroundingMetadata.newBuilder();
        // Chunk index by place: the runs of one long page are one source to a reader.
        var chunks = new LinkedHashMap<String, Integer>();
        for (var sentence : sentences(answer)) {
            var support = GroundingSupport.newBuilder();
            for (var match : matches(sentence)) {
                int index = chunks.computeIfAbsent(match.source().uri(), uri -> {
                    out.addGroundingChunks(match.source().chunk());
                    return out.getGroundingChunksCount() - 1;
                });
                if (!support.getGroundingChunkIndicesList().contains(index)) {
                    support.addGroundingChunkIndices(index).addConfidenceScores((float) match.score());
                }
            }
            if (support.getGroundingChunkIndicesCount() > 0) {
                out.addGroundingSupports(support.setSegment(Segment.newBuilder()
                        .setStartIndex(sentence.start())
                        .setEndIndex(sentence.end())
                        .setText(sentence.text())));
            }
        }
        if (chunks.isEmpty()) {
            shown.forEach(source -> chunks.computeIfAbsent(source.uri(), uri -> {
                out.addGroundingChunks(source.chunk());
                return 0;
            }));
        }
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

    private record Match(Source source, double score) {}

    /** The passages that support a sentence best, if any does well enough. */
    private List<Match> matches(Sentence sentence) {
        var words = new HashSet<>(Words.of(sentence.text()));
        if (words.isEmpty()) {
            return List.of();
        }
        var scored = sources.stream()
                .map(source -> new Match(source, overlap(words, source.words())))
                .filter(match -> match.score() >= ENOUGH)
                .toList();
        double best = scored.stream().mapToDouble(Match::score).max().orElse(0);
        return scored.stream()
                .filter(match -> match.score() >= best * AS_GOOD)
                .limit(MAX_EQUALS)
                .toList();
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
