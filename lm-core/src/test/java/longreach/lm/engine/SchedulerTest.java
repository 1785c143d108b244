package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import longreach.lm.model.Precision;
import longreach.lm.model.ScriptedModel;
import longreach.lm.prompt.TokenStream;
import longreach.lm.sample.Sampling;
import longreach.lm.speculate.Speculation;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.v1.Modality;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the engine promises its streams, on a clock that only steps move. */
class SchedulerTest {
    private static final int NEVER_ENDING = 100_000;

    private final Kernels kernels = KernelSelector.select(1);
    private ScriptedModel model;
    private Engine engine;

    private void start(int maxRunning, IntConsumer beforeStep) {
        model = new ScriptedModel(beforeStep);
        engine = new Engine(
                model,
                kernels,
                new TokenText() {
                    @Override
                    public byte[] bytes(int id) {
                        return new byte[] {'x'};
                    }

                    @Override
                    public boolean endsAnswer(int id) {
                        return false;
                    }
                },
                Precision.F32,
                null,
                new EngineSettings(256 << 20, 32, maxRunning, 256, 128).with(Speculation.OFF),
                new EngineMetrics(new SimpleMeterRegistry()),
                null,
                null,
                model::nanos);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private static GenerateRequest request(String tenant, TokenStream prompt, int maxTokens, long deadline) {
        return new GenerateRequest(
                tenant, prompt, Sampling.GREEDY, maxTokens, GenerateRequest.CacheMode.BYPASS, deadline);
    }

    private static GenerateRequest request(String tenant, int prompt, int maxTokens) {
        int[] ids = new int[prompt];
        Arrays.setAll(ids, i -> 1 + i % 60);
        return request(tenant, TokenStream.ofText(ids), maxTokens, GenerateRequest.NO_DEADLINE);
    }

    /** Notes when its tokens came, and does something at one of them, on the engine's thread. */
    private class Noting extends Collected {
        final List<Long> times = new ArrayList<>();
        final int moment;
        final Runnable atMoment;
        volatile int prefills;

        Noting(int moment, Runnable atMoment) {
            this.moment = moment;
            this.atMoment = atMoment;
        }

        @Override
        public synchronized void token(Token token) {
            times.add(model.nanos());
            super.token(token);
            if (times.size() == moment) {
                atMoment.run();
            }
        }

        @Override
        public void prefill(int done, int total) {
            prefills++;
        }

        long[] gaps(int from, int to) {
            long[] gaps = new long[to - from];
            Arrays.setAll(gaps, i -> times.get(from + i + 1) - times.get(from + i));
            Arrays.sort(gaps);
            return gaps;
        }
    }

    private static Runnable nothing() {
        return () -> {};
    }

    @Test
    void aLongPrefillLeavesOthersTheirPace() throws Exception {
        start(8, step -> {});
        var answering = new AtomicReference<Generation>();
        var tokensBefore = new int[1];
        Noting[] watched = new Noting[1];
        var longPrompt = new Noting(1, () -> {
            tokensBefore[0] = watched[0].times.size();
            while (answering.get() == null) {
                Thread.onSpinWait();
            }
            answering.get().cancel();
        });
        watched[0] = new Noting(50, () -> engine.submit(request("b", 100_000, 1), longPrompt));
        answering.set(engine.submit(request("a", 10, NEVER_ENDING), watched[0]));
        assertThat(longPrompt.await().promptTokens()).isEqualTo(100_000);
        assertThatThrownBy(watched[0]::await).hasCauseInstanceOf(EngineException.Cancelled.class);

        long usual = watched[0].gaps(10, 49)[20];
        long[] beside = watched[0].gaps(50, tokensBefore[0] - 1);
        System.out.printf(
                "usual gap %.1f ms; beside a prompt of 100,000: median %.1f, longest %.1f ms over %d tokens%n",
                usual / 1e6, beside[beside.length / 2] / 1e6, beside[beside.length - 1] / 1e6, beside.length);
        assertThat(beside[beside.length - 1]).isLessThanOrEqualTo(4 * usual);
        // Nor does the prompt starve: it has half of the time or more.
        assertThat(beside[beside.length / 2]).isGreaterThanOrEqualTo(2 * usual);
        assertThat(beside.length).isGreaterThan(1000);
    }

    @Test
    void aTenantWithManyPromptsDelaysAnotherLittle() throws Exception {
        start(16, step -> {});
        List<Noting> many = new ArrayList<>();
        var one = new Noting(0, nothing());
        // From the engine's thread, so that all of them are there before the next step.
        var starter = new Noting(1, () -> {
            for (int i = 0; i < 6; i++) {
                many.add(new Noting(0, nothing()));
                engine.submit(request("many", 5000, 1), many.getLast());
            }
            engine.submit(request("one", 1000, 1), one);
        });
        engine.submit(request("starter", 10, 1), starter);
        starter.await();
        one.await();
        long began = starter.times.getFirst();
        // Alone its four steps would take 5.2 s; in turn with the other tenant twice that, and one step more.
        assertThat(one.times.getFirst() - began).isLessThan(12_500_000_000L);
        for (Noting each : many) {
            each.await();
            assertThat(each.times.getFirst()).isGreaterThan(one.times.getFirst());
        }
    }

    @Test
    void aCancelledPrefillEndsAtTheNextStep() throws Exception {
        var generation = new AtomicReference<Generation>();
        var sink = new Noting(0, nothing()) {
            @Override
            public void prefill(int done, int total) {
                super.prefill(done, total);
                if (prefills == 3) {
                    generation.get().cancel();
                }
            }
        };
        // The first step waits until the handle is there.
        start(4, step -> {
            while (generation.get() == null) {
                Thread.onSpinWait();
            }
        });
        generation.set(engine.submit(request("a", 50_000, 5), sink));
        assertThatThrownBy(sink::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        assertThat(sink.prefills).isEqualTo(3);
        assertThat(engine.pool().bytesReserved()).isZero();
    }

    @Test
    void aPromptBesideAnAnswerIsCancelledWithItsPass() throws Exception {
        var prompts = new AtomicReference<Generation>();
        var answers = new AtomicReference<Generation>();
        start(4, step -> {});
        var prompt = new Noting(0, nothing());
        var answer = new Noting(20, () -> prompts.set(engine.submit(request("b", 50_000, 5), prompt))) {
            @Override
            public synchronized void token(Token token) {
                super.token(token);
                if (times.size() == 60) {
                    prompts.get().cancel();
                    // Its pages are not touched while layers of the prompt are under way.
                    cancelledAt = prompt.prefills;
                }
                if (times.size() == 200) {
                    answers.get().cancel();
                }
            }
        };
        answers.set(engine.submit(request("a", 10, NEVER_ENDING), answer));
        assertThatThrownBy(prompt::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        assertThatThrownBy(answer::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        assertThat(prompt.prefills).isBetween(cancelledAt, cancelledAt + 1).isGreaterThan(1);
        assertThat(engine.pool().bytesReserved()).isZero();
    }

    private int cancelledAt;

    private static void waitFor(long deadline) {
        while (System.nanoTime() - deadline < 0) {
            Thread.onSpinWait();
        }
    }

    @Test
    void deadlinesEndAPrefillAndAnAnswerAtTheNextStep() throws Exception {
        for (int last : new int[] {2, 30}) {
            long deadline = System.nanoTime() + 2_000_000_000L;
            int[] steps = new int[1];
            start(4, step -> {
                steps[0] = step;
                if (step == last) {
                    waitFor(deadline);
                }
            });
            // 20 steps of prompt, then tokens.
            int[] ids = new int[5120];
            Arrays.fill(ids, 1);
            var sink = new Noting(0, nothing());
            engine.submit(request("a", TokenStream.ofText(ids), 5000, deadline), sink);
            assertThatThrownBy(sink::await).hasCauseInstanceOf(EngineException.DeadlinePassed.class);
            assertThat(steps[0]).isEqualTo(last);
            assertThat(engine.pool().bytesReserved()).isZero();
            engine.close();
        }
        start(4, step -> {});
    }

    @Test
    void deadlinesHoldInTheQueueAndWhileSoftTokensAreAwaited() throws Exception {
        start(1, step -> {});
        var soft = new TokenStream(List.of(
                new TokenStream.TextRun(new int[] {1, 2}, Modality.TEXT, false),
                new TokenStream.SoftRun(new byte[32], 4, false, Modality.IMAGE, false)));
        var waiting = new Collected();
        var queued = new Collected();
        long deadline = System.nanoTime() + 100_000_000L;
        engine.submit(request("a", soft, 5, deadline), waiting);
        engine.submit(request("b", TokenStream.ofText(1, 2), 5, deadline), queued);
        for (Collected sink : List.of(waiting, queued)) {
            assertThatThrownBy(sink::await).hasCauseInstanceOf(EngineException.DeadlinePassed.class);
        }
        assertThat(engine.pool().bytesReserved()).isZero();
    }
}
