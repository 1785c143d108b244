package longreach.lm.engine;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import longreach.lm.grammar.Constraints;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.prompt.ToolSyntax;
import longreach.lm.sample.Sampling;
import longreach.lm.sample.TokenMask;
import longreach.store.api.ChunkKey;
import longreach.tensor.kernel.Kernels;

/** Measures what keeping answers to a form costs, on one checkpoint: the time inside the mask, and of a token in all. */
public final class ConstraintBench {
    private static final int MAX_TOKENS = 160;
    private static final long KV_BYTES = 512L << 20;
    private static final String WARM_UP = """
        {"type":"object","required":["a","b","c"],"properties":{"a":{"type":"string","maxLength":60},
          "b":{"type":"number"},"c":{"type":"array","maxItems":3,"items":{"type":"string","maxLength":40}}}}\
        """;

    /**
     * @param prepareMillis until the first mask is there
     * @param firstMicros inside the mask for each token, when the form is new
     * @param laterMicros the same when it has been used before
     * @param tokenMicros of a whole token
     */
    public record Cost(
            String form,
            int tokens,
            double prepareMillis,
            double firstMicros,
            double laterMicros,
            double tokenMicros,
            String text) {
        /** Of a token's time. */
        public double laterShare() {
            return laterMicros / tokenMicros;
        }

        public double firstShare() {
            return firstMicros / tokenMicros;
        }
    }

    /** @param treeMillis for the token tree and a first grammar, once for a model */
    public record Result(double treeMillis, List<Cost> costs) {}

    private ConstraintBench() {}

    /** @param question what the model is asked, in each form */
    public static Result run(Path gguf, Kernels kernels, Precision precision, String question) {
        var checkpoint = ModelLoader.open("bench", gguf, kernels, precision);
        var engine = new Engine(
                checkpoint.model(),
                kernels,
                checkpoint.tokenizer(),
                precision,
                null,
                new EngineSettings(KV_BYTES, 4, 1, 512, 128),
                new EngineMetrics(new SimpleMeterRegistry()));
        try (engine;
                var files = checkpoint.files()) {
            var constraints =
                    new Constraints(checkpoint.tokenizer(), engine.card().vocabulary());
            int[] prompt = checkpoint.tokenizer().encode(question);
            List<Cost> costs = new ArrayList<>();
            // A server that has been running for a while: its code is compiled, and other schemas have been asked for.
            long prepared = System.nanoTime();
            TokenMask other = constraints.mask(new Constraints.Json(WARM_UP));
            double treeMillis = (System.nanoTime() - prepared) / 1e6;
            for (int i = 0; i < 3; i++) {
                answer(engine, prompt, other);
            }
            answer(engine, prompt, null);
            for (var form : forms().entrySet()) {
                long began = System.nanoTime();
                TokenMask mask = constraints.mask(form.getValue());
                double prepare = (System.nanoTime() - began) / 1e6;
                var first = answer(engine, prompt, mask);
                var later = answer(engine, prompt, mask);
                costs.add(new Cost(
                        form.getKey(),
                        later.tokens,
                        prepare,
                        first.maskMicros(),
                        later.maskMicros(),
                        later.tokenMicros(),
                        later.text.toString()));
            }
            return new Result(treeMillis, costs);
        }
    }

    private static Map<String, Constraints.Form> forms() {
        Map<String, Constraints.Form> forms = new LinkedHashMap<>();
        forms.put("object of 5", new Constraints.Json("""
            {"type":"object","required":["title","year","tags","author","open"],"properties":{
              "title":{"type":"string"},"year":{"type":"integer","minimum":1500,"maximum":2100},
              "tags":{"type":"array","minItems":2,"maxItems":5,"items":{"type":"string"}},
              "author":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},
                "born":{"type":"string","format":"date"}}},
              "open":{"type":"boolean"}}}\
            """));
        forms.put("strings counted", new Constraints.Json("""
            {"type":"array","minItems":4,"maxItems":4,
             "items":{"type":"string","minLength":20,"maxLength":120}}\
            """));
        forms.put("any JSON", new Constraints.Json("true"));
        forms.put(
                "text or calls",
                new Constraints.Calls(
                        ToolSyntax.TAGS,
                        List.of(new Constraints.Function(
                                "search", "{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\"}}}")),
                        0,
                        false,
                        null));
        return forms;
    }

    private static Answer answer(Engine engine, int[] prompt, TokenMask mask) {
        var answer = new Answer();
        AnswerForm form = mask == null ? AnswerForm.FREE : new AnswerForm(new Timed(mask, answer), null, null);
        engine.submit(
                new GenerateRequest(
                        "bench",
                        TokenStream.ofText(prompt),
                        new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1.1f, List.of(), OptionalInt.empty()),
                        form,
                        MAX_TOKENS,
                        GenerateRequest.CacheMode.BYPASS,
                        GenerateRequest.NO_DEADLINE),
                answer);
        answer.ended.join();
        return answer;
    }

    /** One answer and its times. */
    private static final class Answer implements AnswerSink {
        private final CompletableFuture<Void> ended = new CompletableFuture<>();
        private final StringBuilder text = new StringBuilder();
        private int tokens;
        private long maskNanos;
        private long decodeMicros;

        double maskMicros() {
            return maskNanos / 1e3 / Math.max(1, tokens);
        }

        double tokenMicros() {
            return (double) decodeMicros / Math.max(1, tokens - 1);
        }

        @Override
        public boolean ready() {
            return true;
        }

        @Override
        public void want(int restoredTokens, List<Integer> softRuns, List<ChunkKey> promptChunks) {
            // Nothing is restored, and nothing is soft.
        }

        @Override
        public void prefill(int doneTokens, int totalTokens) {
            // Only decoding is measured.
        }

        @Override
        public void token(Token token) {
            tokens++;
            text.append(token.text());
        }

        @Override
        public void done(Outcome outcome) {
            decodeMicros = outcome.receipt().decodeMicros();
            ended.complete(null);
        }

        @Override
        public void failed(Throwable cause) {
            ended.completeExceptionally(cause);
        }
    }

    /** Adds the time that a mask takes to its answer. */
    private record Timed(TokenMask mask, Answer answer) implements TokenMask {
        @Override
        public int apply(float[] logits, int offset) {
            long began = System.nanoTime();
            int only = mask.apply(logits, offset);
            answer.maskNanos += System.nanoTime() - began;
            return only;
        }

        @Override
        public boolean allows(int token) {
            return mask.allows(token);
        }

        @Override
        public void accept(int token) {
            long began = System.nanoTime();
            mask.accept(token);
            answer.maskNanos += System.nanoTime() - began;
        }

        @Override
        public boolean ended() {
            return mask.ended();
        }

        @Override
        public TokenMask fork() {
            return new Timed(mask.fork(), answer);
        }
    }
}
