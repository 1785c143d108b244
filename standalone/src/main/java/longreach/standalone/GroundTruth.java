package longreach.standalone;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.List;
import java.util.Locale;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The questions about the sample media, with the answers that count as right.
 *
 * @param answers any of these strings in the answer makes it right
 * @param page where a document says it; 0: not a document
 * @param start seconds at which a recording begins to say or show it
 * @param from "slide" or "speech" for a recording
 */
record GroundTruth(
        String id,
        String file,
        String question,
        List<String> answers,
        int page,
        double start,
        double end,
        String from) {
    private static final JsonMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();

    static List<GroundTruth> read(Path file) {
        try {
            return JSON.readValue(Files.readString(file), new TypeReference<List<GroundTruth>>() {});
        } catch (IOException | JacksonException e) {
            throw CommandException.failed(file + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /** Whether one of the accepted strings occurs, as whole words, in the answer; nothing softer. */
    boolean isRight(String answer) {
        String said = " " + normalised(answer) + " ";
        return answers.stream().anyMatch(accepted -> said.contains(" " + normalised(accepted) + " "));
    }

    // Case, typographic variants, punctuation and spacing do not make an answer wrong. Points and commas between
    // digits are part of a number and stay, or 7.8 would be 78.
    static String normalised(String text) {
        return Normalizer.normalize(text, Normalizer.Form.NFKC)
                .toLowerCase(Locale.ROOT)
                .replaceAll("(?<=\\d)[,](?=\\d{3})", "")
                .replaceAll("(?<!\\d)[.]|[.](?!\\d)", " ")
                .replaceAll("[^\\p{L}\\p{N}.€]+", " ")
                .strip();
    }
}
