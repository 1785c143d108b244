package longreach.audio.whisper;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.Deflater;
import longreach.audio.whisper.WhisperDecoder.Slot;
import longreach.tensor.kernel.Kernels;

/**
 * Token after token for a batch of windows: greedy, and where the result looks wrong (it repeats itself, or is
 * improbable) again at rising temperatures, as in the Whisper paper's section 4.5. Sampling is seeded, so the same audio
 * gives the same text.
 */
final class WindowDecoder {
    private static final double[] FALLBACK_TEMPERATURES = {0.2, 0.4, 0.6, 0.8, 1.0};
    static final double MAX_COMPRESSION_RATIO = 2.4;
    static final double MIN_AVERAGE_LOG_PROBABILITY = -1.0;
    static final double NO_SPEECH_PROBABILITY = 0.6;
    // The reference keeps what it is told in silence ("you", "Thank you.") where the average is above -1: silence,
    // noise,
    // hum and music were measured at 0.66 to 0.96 and -0.7 to -1.7, speech down to 0 dB over noise at 0.03 to 0.18.
    static final double TRUSTED_IN_SILENCE = -0.5;
    // With no words to be trusted at all, less of a doubt is enough; a pure tone has 0.5 and -1.25.
    static final double DOUBTED_SPEECH_PROBABILITY = 0.4;
    private static final long SEED = 20_240_930;

    private final WhisperDecoder decoder;
    private final WhisperTokens tokens;
    private final DecodingRules rules;
    private final Kernels kernels;
    private final int vocabulary;
    private final int maxTokens;
    // -1: the model finds out.
    private final int language;
    private final int[] languages;

    /**
     * @param language id of the language token; -1: detect, for each window
     * @param languages ids to detect among
     */
    WindowDecoder(
            WhisperDecoder decoder,
            WhisperTokens tokens,
            DecodingRules rules,
            Kernels kernels,
            WhisperConfig config,
            int language,
            int[] languages) {
        this.decoder = decoder;
        this.tokens = tokens;
        this.rules = rules;
        this.kernels = kernels;
        this.language = language;
        this.languages = languages;
        vocabulary = config.vocabulary();
        maxTokens = config.textPositions() / 2;
    }

    /** One window's text in the making. */
    private final class Line {
        private final Slot slot;
        private final double temperature;
        private final SplittableRandom random = new SplittableRandom(SEED);
        private final int[] sampled = new int[maxTokens];
        private int count;
        private double logProbability;
        private double noSpeech;
        private int next = tokens.startOfTranscript;
        private boolean ended;

        Line(Slot slot, double temperature) {
            this.slot = slot;
            this.temperature = temperature;
        }

        /** Takes the logits behind the token fed last, and chooses the next. */
        void advance(float[] logits, int offset) {
            if (next == tokens.startOfTranscript) {
                noSpeech = tokens.noSpeech < 0 ? 0 : probability(logits, offset, tokens.noSpeech);
                if (tokens.multilingual()) {
                    next = language >= 0 ? language : likeliest(logits, offset, languages);
                    return;
                }
            } else if (slot.position() == 2 && tokens.multilingual()) {
                next = tokens.transcribe;
                return;
            }
            rules.apply(logits, offset, vocabulary, sampled, count);
            next = temperature == 0
                    ? kernels.argmax(logits, offset, vocabulary)
                    : draw(logits, offset, temperature, random);
            logProbability += logits[offset + next] - logSum(logits, offset, 1);
            if (next == tokens.endOfText) {
                ended = true;
                return;
            }
            sampled[count++] = next;
            ended = count == maxTokens;
        }

        Hypothesis hypothesis() {
            return new Hypothesis(
                    Arrays.copyOf(sampled, count),
                    logProbability / (count + 1),
                    noSpeech,
                    compressionRatio(tokens.text(sampled, 0, count)),
                    temperature);
        }
    }

    /**
     * Decodes windows whose audio is already in the slots.
     *
     * @param checkpoint called before each step; what it throws ends the computation
     */
    List<Hypothesis> decode(List<Slot> slots, Runnable checkpoint) {
        List<Hypothesis> results = run(slots, 0, checkpoint);
        for (double temperature : FALLBACK_TEMPERATURES) {
            List<Integer> again = new ArrayList<>();
            for (int i = 0; i < results.size(); i++) {
                if (suspect(results.get(i))) {
                    again.add(i);
                }
            }
            if (again.isEmpty()) {
                break;
            }
            List<Hypothesis> retried = run(again.stream().map(slots::get).toList(), temperature, checkpoint);
            for (int i = 0; i < again.size(); i++) {
                results.set(again.get(i), better(results.get(again.get(i)), retried.get(i)));
            }
        }
        return results;
    }

    static boolean suspect(Hypothesis h) {
        if (silent(h)) {
            return false;
        }
        return h.compressionRatio() > MAX_COMPRESSION_RATIO || h.averageLogProbability() < MIN_AVERAGE_LOG_PROBABILITY;
    }

    /**
     * Nothing was said: the model hears no speech and does not trust its own text either. Stricter than the reference,
     * which asks for an average below {@link #MIN_AVERAGE_LOG_PROBABILITY} in any case.
     */
    static boolean silent(Hypothesis h) {
        double noSpeech = h.noSpeechProbability();
        double trust = h.averageLogProbability();
        return noSpeech > NO_SPEECH_PROBABILITY && trust < TRUSTED_IN_SILENCE
                || noSpeech > DOUBTED_SPEECH_PROBABILITY && trust < MIN_AVERAGE_LOG_PROBABILITY;
    }

    // One that repeats itself is worse than any that does not.
    private static Hypothesis better(Hypothesis a, Hypothesis b) {
        boolean aLoops = a.compressionRatio() > MAX_COMPRESSION_RATIO;
        boolean bLoops = b.compressionRatio() > MAX_COMPRESSION_RATIO;
        if (aLoops != bLoops) {
            return aLoops ? b : a;
        }
        return b.averageLogProbability() > a.averageLogProbability() ? b : a;
    }

    private List<Hypothesis> run(List<Slot> slots, double temperature, Runnable checkpoint) {
        List<Line> lines = new ArrayList<>();
        for (Slot slot : slots) {
            slot.rewind();
            lines.add(new Line(slot, temperature));
        }
        List<Line> active = new ArrayList<>(lines);
        int[] fed = new int[slots.size()];
        while (!active.isEmpty()) {
            checkpoint.run();
            for (int i = 0; i < active.size(); i++) {
                fed[i] = active.get(i).next;
            }
            float[] logits = decoder.step(active.stream().map(line -> line.slot).toList(), fed);
            for (int i = 0; i < active.size(); i++) {
                active.get(i).advance(logits, i * vocabulary);
            }
            active.removeIf(line -> line.ended);
        }
        List<Hypothesis> results = new ArrayList<>();
        for (Line line : lines) {
            results.add(line.hypothesis());
        }
        return results;
    }

    private double probability(float[] logits, int offset, int token) {
        return Math.exp(logits[offset + token] - logSum(logits, offset, 1));
    }

    private int likeliest(float[] logits, int offset, int[] among) {
        int best = among[0];
        for (int token : among) {
            if (logits[offset + token] > logits[offset + best]) {
                best = token;
            }
        }
        return best;
    }

    /** log sum exp(logits / temperature). */
    private double logSum(float[] logits, int offset, double temperature) {
        float max = logits[offset + kernels.argmax(logits, offset, vocabulary)];
        double sum = 0;
        for (int i = offset; i < offset + vocabulary; i++) {
            double z = (logits[i] - max) / temperature;
            // Below, the vocabulary together adds less than 1e-8.
            if (z > -30) {
                sum += Math.exp(z);
            }
        }
        return max / temperature + Math.log(sum);
    }

    private int draw(float[] logits, int offset, double temperature, SplittableRandom random) {
        double logSum = logSum(logits, offset, temperature);
        double left = random.nextDouble();
        int last = kernels.argmax(logits, offset, vocabulary);
        for (int i = 0; i < vocabulary; i++) {
            if (logits[offset + i] == Float.NEGATIVE_INFINITY) {
                continue;
            }
            left -= Math.exp(logits[offset + i] / temperature - logSum);
            if (left <= 0) {
                return i;
            }
        }
        return last;
    }

    static double compressionRatio(String text) {
        byte[] raw = text.strip().getBytes(StandardCharsets.UTF_8);
        if (raw.length == 0) {
            return 0;
        }
        Deflater deflater = new Deflater();
        try {
            deflater.setInput(raw);
            deflater.finish();
            byte[] out = new byte[raw.length + 64];
            int deflated = 0;
            while (!deflater.finished()) {
                deflated += deflater.deflate(out);
            }
            return (double) raw.length / deflated;
        } finally {
            deflater.end();
        }
    }
}
