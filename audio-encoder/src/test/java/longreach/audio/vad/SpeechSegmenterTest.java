package longreach.audio.vad;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import longreach.audio.Golden;
import longreach.audio.Sounds;
import longreach.audio.Weights;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class SpeechSegmenterTest {
    private static final JsonNode GOLDEN = Golden.json("vad/golden.json");

    private static List<Speech> segment(SpeechRules rules, double[] probabilities, long samples) {
        List<Speech> found = new ArrayList<>();
        SpeechSegmenter segmenter = new SpeechSegmenter(rules, found::add);
        for (double probability : probabilities) {
            long settled = segmenter.settledBefore();
            int before = found.size();
            segmenter.accept((float) probability);
            if (found.size() > before) {
                assertThat(found.get(before).start()).isGreaterThanOrEqualTo(settled);
            }
        }
        segmenter.finish(samples);
        return found;
    }

    private static SpeechRules rules(JsonNode json) {
        return new SpeechRules(
                (float) json.path("threshold").asDouble(),
                (float) json.path("neg_threshold").asDouble(),
                json.path("min_speech_duration_ms").asInt(),
                json.path("min_silence_duration_ms").asInt(),
                json.path("speech_pad_ms").asInt(),
                (int) Math.round(json.path("max_speech_duration_s").asDouble() * 1000));
    }

    private static List<Speech> expected(JsonNode list) {
        List<Speech> speech = new ArrayList<>();
        for (JsonNode pair : list) {
            speech.add(new Speech(pair.get(0).asLong(), pair.get(1).asLong()));
        }
        return speech;
    }

    @Test
    void followsTheReferenceOnItsProbabilities() {
        JsonNode list = GOLDEN.path("probabilities");
        double[] probabilities = new double[list.size()];
        for (int i = 0; i < probabilities.length; i++) {
            probabilities[i] = list.get(i).asDouble();
        }
        for (JsonNode golden : GOLDEN.path("cases")) {
            assertThat(segment(
                            rules(golden.path("rules")),
                            probabilities,
                            GOLDEN.path("samples").asLong()))
                    .isEqualTo(expected(golden.path("speech")));
        }
    }

    @Test
    void findsTheReferencesSpeechInRealAudio() {
        List<float[]> parts = new ArrayList<>();
        for (JsonNode entry : GOLDEN.path("layout")) {
            parts.add(Sounds.silence(entry.get(0).asDouble()));
            parts.add(Sounds.sentence(Integer.parseInt(entry.get(1).asString().substring(10, 13))));
        }
        parts.add(Sounds.silence(GOLDEN.path("tail").asDouble()));
        float[] audio = Sounds.concat(parts.toArray(float[][]::new));
        assertThat(audio.length).isEqualTo(GOLDEN.path("samples").asInt());

        double[] probabilities = new double[(audio.length + SileroVad.FRAME - 1) / SileroVad.FRAME];
        float[] padded = Sounds.concat(audio, new float[SileroVad.FRAME]);
        try (SileroVad vad = new SileroVad(Weights.vad());
                SileroVad.Stream stream = vad.stream()) {
            for (int i = 0; i < probabilities.length; i++) {
                probabilities[i] = stream.accept(padded, i * SileroVad.FRAME);
            }
        }
        JsonNode golden = GOLDEN.path("cases").get(0);
        List<Speech> reference = expected(golden.path("speech"));
        List<Speech> found = segment(rules(golden.path("rules")), probabilities, audio.length);
        assertThat(found).hasSameSizeAs(reference);
        // Releases of the model differ at soft onsets: this one takes a breath before the third sentence for speech.
        long tolerance = 9L * SileroVad.FRAME;
        for (int i = 0; i < found.size(); i++) {
            assertThat(found.get(i).start())
                    .isBetween(
                            reference.get(i).start() - tolerance,
                            reference.get(i).start() + tolerance);
            assertThat(found.get(i).end())
                    .isBetween(
                            reference.get(i).end() - tolerance, reference.get(i).end() + tolerance);
        }
    }

    @Test
    void silenceHoldsNoSpeech() {
        assertThat(segment(SpeechRules.TRANSCRIPTION, new double[1000], 512_000))
                .isEmpty();
    }

    @Test
    void endlessSpeechIsCut() {
        double[] speech = new double[10_000];
        java.util.Arrays.fill(speech, 0.9);
        List<Speech> found = segment(SpeechRules.TRANSCRIPTION, speech, 5_120_000);
        assertThat(found).hasSizeGreaterThan(10);
        for (int i = 0; i < found.size(); i++) {
            assertThat(found.get(i).length()).isLessThanOrEqualTo(29 * 16_000);
            if (i > 0) {
                assertThat(found.get(i).start())
                        .isGreaterThanOrEqualTo(found.get(i - 1).end());
            }
        }
    }
}
