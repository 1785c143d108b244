package longreach.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import longreach.lm.model.Precision;
import longreach.lm.prompt.TokenStream;
import longreach.lm.prompt.TokenStream.TextRun;
import longreach.lm.sample.Sampling;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.v1.Modality;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Requests that begin alike and run at once hold the pages of their common prefix once. */
class PageSharingTest {
    private static final Sampling WITH_LOGPROBS =
            new Sampling(0, 0, 1, 0, OptionalLong.empty(), 0, 0, 1, List.of(), OptionalInt.of(5));

    private final Kernels kernels = KernelSelector.select(1);
    private final MemoryContextStore store = new MemoryContextStore(256 << 20);
    private Engine engine;

    @BeforeEach
    void start() {
        engine = engine();
    }

    private Engine engine() {
        return new Engine(
                TinyModel.of(kernels, Precision.FAST),
                kernels,
                TinyModel.tokens(),
                Precision.FAST,
                store,
                new EngineSettings(64 << 20, 8, 8, 256, 64),
                new EngineMetrics(new SimpleMeterRegistry()));
    }

    @AfterEach
    void close() {
        engine.close();
        store.close();
    }

    private static GenerateRequest request(String tenant, TokenStream prompt, int maxTokens) {
        return new GenerateRequest(
                tenant,
                prompt,
                WITH_LOGPROBS,
                maxTokens,
                GenerateRequest.CacheMode.READ_WRITE,
                GenerateRequest.NO_DEADLINE);
    }

    private Collected run(String tenant, TokenStream prompt, int maxTokens) throws Exception {
        var sink = new Collected();
        engine.submit(request(tenant, prompt, maxTokens), sink);
        sink.await();
        return sink;
    }

    /** A request that has its first token and waits for its reader. */
    private Generation hold(String tenant, TokenStream prompt, Collected sink) throws Exception {
        sink.ready = false;
        Generation held = engine.submit(request(tenant, prompt, 200), sink);
        sink.firstToken.get(3, TimeUnit.MINUTES);
        return held;
    }

    private static TokenStream stream(int[] shared, int seed) {
        return new TokenStream(List.of(
                new TextRun(shared, Modality.DOCUMENT, false),
                new TextRun(TinyModel.prompt(40, seed), Modality.TEXT, false)));
    }

    @Test
    void whoBeginsAlikeTakesThePagesOfWhoRuns() throws Exception {
        int[] shared = TinyModel.prompt(600, 1);
        Collected alone = run("a", stream(shared, 3), 30);
        engine.flush(Duration.ofMinutes(1));
        // What comes from pages now cannot have come from the store.
        store.erase(store.tenant("a"));

        var donor = new Collected();
        Generation held = hold("a", stream(shared, 2), donor);
        engine.flush(Duration.ofMinutes(1));
        store.erase(store.tenant("a"));
        long one = engine.pool().bytesInUse();
        int blocks = engine.pool().blocksInUse();
        assertThat(blocks).isEqualTo(3);

        var taker = new Collected();
        Generation second = hold("a", stream(shared, 3), taker);
        assertThat(engine.pool().blocksInUse()).isEqualTo(blocks + 1);
        assertThat(engine.pool().bytesInUse()).isEqualTo(one / 3 * 4);

        held.cancel();
        assertThatThrownBy(donor::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        assertThat(engine.pool().blocksInUse()).isEqualTo(3);
        taker.ready = true;
        second.resume();
        Outcome outcome = taker.await();
        assertThat(outcome.receipt().tokensByTier()).isEqualTo(Map.of("pages", 512));
        assertThat(outcome.receipt().tokensRestored()).isEqualTo(512);
        for (int i = 0; i < alone.tokens.size(); i++) {
            assertThat(taker.ids()[i]).isEqualTo(alone.ids()[i]);
            assertThat(taker.logprobs()[i]).isEqualTo(alone.logprobs()[i]);
        }
        assertThat(engine.pool().bytesInUse()).isZero();
        assertThat(engine.pool().bytesReserved()).isZero();
    }

    @Test
    void pagesAndStoreTogetherMakeAPrefix() throws Exception {
        int[] longer = TinyModel.prompt(1300, 1);
        run("a", TokenStream.ofText(longer), 1);
        engine.flush(Duration.ofMinutes(1));
        var donor = new Collected();
        Generation held = hold("a", TokenStream.ofText(Arrays.copyOf(longer, 600)), donor);
        Outcome outcome = run("a", TokenStream.ofText(longer), 1).await();
        assertThat(outcome.receipt().tokensByTier()).isEqualTo(Map.of("pages", 512, "redis", 1299 - 512));
        held.cancel();
        assertThatThrownBy(donor::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        assertThat(engine.pool().bytesReserved()).isZero();
    }

    @Test
    void anotherTenantTakesNothing() throws Exception {
        int[] shared = TinyModel.prompt(600, 1);
        var donor = new Collected();
        Generation held = hold("a", stream(shared, 2), donor);
        assertThat(run("b", stream(shared, 2), 1).await().receipt().tokensRestored())
                .isZero();
        held.cancel();
        assertThatThrownBy(donor::await).hasCauseInstanceOf(EngineException.Cancelled.class);
    }

    @Test
    void sharedPagesAreSetAsideOnce() throws Exception {
        int[] shared = TinyModel.prompt(600, 1);
        var first = new Collected();
        var second = new Collected();
        Generation held = hold("a", stream(shared, 2), first);
        long alone = engine.pool().bytesReserved();
        Generation other = hold("a", stream(shared, 3), second);
        // Four blocks each; two of them are common.
        assertThat(engine.pool().bytesReserved()).isEqualTo(alone + alone / 2);
        held.cancel();
        other.cancel();
        assertThatThrownBy(first::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        assertThatThrownBy(second::await).hasCauseInstanceOf(EngineException.Cancelled.class);
        assertThat(engine.pool().bytesReserved()).isZero();
    }
}
