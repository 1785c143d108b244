package longreach.gateway.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import longreach.gateway.error.ApiException;
import longreach.v1.EncodedMedia;
import longreach.v1.TextPiece;

/** What was said in a recording, in the forms that OpenAI's transcriptions have. */
public record Transcript(List<TextPiece> spoken, long durationMillis) {
    /** The forms; their names are lower case. */
    public enum Form {
        JSON,
        TEXT,
        SRT,
        VTT,
        VERBOSE_JSON;

        /** @param name empty: json @throws ApiException INVALID_ARGUMENT */
        public static Form of(String name) {
            if (name.isEmpty()) {
                return JSON;
            }
            return Arrays.stream(values())
                    .filter(form -> form.name().toLowerCase(Locale.ROOT).equals(name))
                    .findFirst()
                    .orElseThrow(() -> ApiException.badField(
                            "response_format",
                            name.length() > 40 ? "another" : name,
                            "json, text, srt, vtt or verbose_json"));
        }

        public String contentType() {
            return switch (this) {
                case JSON, VERBOSE_JSON -> "application/json; charset=UTF-8";
                case TEXT, SRT -> "text/plain; charset=UTF-8";
                case VTT -> "text/vtt; charset=UTF-8";
            };
        }
    }

    public static Transcript of(EncodedMedia media) {
        var spoken = media.getPiecesList().stream()
                .filter(piece -> piece.getKind() == TextPiece.Kind.TRANSCRIPT)
                .toList();
        return new Transcript(spoken, media.getPlan().getDurationMs());
    }

    /** @param language as the caller named it; empty: what the recogniser knows */
    public String as(Form form, Optional<String> language) {
        return switch (form) {
            case TEXT -> text() + "\n";
            case JSON -> {
                var out = new JsonObject();
                out.addProperty("text", text());
                yield out.toString();
            }
            case SRT -> subtitles(',', true);
            case VTT -> "WEBVTT\n\n" + subtitles('.', false);
            case VERBOSE_JSON -> verbose(language.orElse("english")).toString();
        };
    }

    private String text() {
        return spoken.stream().map(piece -> piece.getText().strip()).collect(Collectors.joining(" "));
    }

    private String subtitles(char comma, boolean numbered) {
        var out = new StringBuilder();
        for (int i = 0; i < spoken.size(); i++) {
            var mark = spoken.get(i).getMark();
            if (numbered) {
                out.append(i + 1).append('\n');
            }
            out.append(clock(mark.getStartMs(), comma))
                    .append(" --> ")
                    .append(clock(mark.getEndMs(), comma))
                    .append('\n')
                    .append(spoken.get(i).getText().strip())
                    .append("\n\n");
        }
        return out.toString();
    }

    private static String clock(long millis, char comma) {
        return String.format(
                Locale.ROOT,
                "%02d:%02d:%02d%c%03d",
                millis / 3_600_000,
                millis / 60_000 % 60,
                millis / 1000 % 60,
                comma,
                millis % 1000);
    }

    private JsonObject verbose(String language) {
        var segments = new JsonArray();
        for (int i = 0; i < spoken.size(); i++) {
            var piece = spoken.get(i);
            var segment = new JsonObject();
            segment.addProperty("id", i);
            segment.addProperty("start", piece.getMark().getStartMs() / 1000.0);
            segment.addProperty("end", piece.getMark().getEndMs() / 1000.0);
            segment.addProperty("text", piece.getText().strip());
            // The clients' types ask for the rest, which this recogniser has no figures for.
            segment.addProperty("seek", 0);
            segment.add("tokens", new JsonArray());
            segment.addProperty("temperature", 0);
            segment.addProperty("avg_logprob", piece.getConfidence() > 0 ? Math.log(piece.getConfidence()) : 0);
            segment.addProperty("compression_ratio", 0);
            segment.addProperty("no_speech_prob", 0);
            segments.add(segment);
        }
        var out = new JsonObject();
        out.addProperty("task", "transcribe");
        out.addProperty("language", language);
        out.addProperty("duration", durationMillis / 1000.0);
        out.addProperty("text", text());
        out.add("segments", segments);
        return out;
    }
}
