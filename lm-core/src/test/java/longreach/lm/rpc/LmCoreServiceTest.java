package longreach.lm.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import longreach.lm.engine.Engine;
import longreach.lm.engine.EngineMetrics;
import longreach.lm.engine.EngineSettings;
import longreach.lm.engine.ServedModel;
import longreach.lm.engine.TinyModel;
import longreach.lm.model.Precision;
import longreach.lm.prompt.ChatTemplate;
import longreach.lm.prompt.PromptTokenizer;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import longreach.v1.ContextUse;
import longreach.v1.Done;
import longreach.v1.GenerateDown;
import longreach.v1.GenerateUp;
import longreach.v1.ListModelsRequest;
import longreach.v1.LmCoreGrpc;
import longreach.v1.Modality;
import longreach.v1.Open;
import longreach.v1.RenderPart;
import longreach.v1.RenderRequest;
import longreach.v1.Segment;
import longreach.v1.SoftSegment;
import longreach.v1.SoftTokens;
import longreach.v1.SoftType;
import longreach.v1.TextSegment;
import longreach.v1.Turn;
import longreach.v1.Want;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Text and soft tokens through the whole path: wire, plan, prefill, publication, restoration. */
class LmCoreServiceTest {
    private static final int SOFT_A = 60;
    private static final int SOFT_B = 300;
    /** Text over which the tokenizer fails as a wrong library does. */
    private static final String UNLINKED = "unlinked";

    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final MemoryContextStore store = new MemoryContextStore(256 << 20);
    private Engine engine;
    private Server server;
    private ManagedChannel channel;

    @BeforeEach
    void start() throws Exception {
        var kernels = KernelSelector.select(1);
        engine = new Engine(
                TinyModel.of(kernels, Precision.F32),
                kernels,
                TinyModel.tokens(),
                Precision.F32,
                store,
                new EngineSettings(64 << 20, 8, 4, 256, 64),
                new EngineMetrics(new SimpleMeterRegistry()));
        var tokenizer = new PromptTokenizer() {
            @Override
            public int[] encode(String text) {
                if (text.contains(UNLINKED)) {
                    throw new NoSuchMethodError("of a library");
                }
                return text.chars()
                        .map(c -> Math.floorMod(c - 32, TinyModel.VOCABULARY))
                        .toArray();
            }

            @Override
            public Map<String, Integer> controlTokens() {
                return Map.of("<end>", TinyModel.END);
            }
        };
        var template = new ChatTemplate(
                "{% for m in messages %}{{ m['role'] }}:{{ m['content'] }}<end>{% endfor %}"
                        + "{% if add_generation_prompt %}assistant:{% endif %}",
                "", "<end>", tokenizer);
        var model = new ServedModel(
                engine,
                template,
                TinyModel.tokens(),
                Precision.F32,
                new ServedModel.Recommended("Tiny", "For tests.", 1, 1, 0),
                () -> {});
        String name = InProcessServerBuilder.generateName();
        server = InProcessServerBuilder.forName(name)
                .executor(executor)
                .addService(new LmCoreService(List.of(new EngineBackend(model)), executor))
                .build()
                .start();
        channel = InProcessChannelBuilder.forName(name).executor(executor).build();
    }

    @AfterEach
    void stop() throws Exception {
        channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
        server.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
        engine.close();
        store.close();
        executor.close();
    }

    @Test
    void anErrorInAHandlerIsAnsweredAsInternal() {
        var request = RenderRequest.newBuilder()
                .setModel("tiny")
                .addTurns(Turn.newBuilder()
                        .setRole(Turn.Role.USER)
                        .addParts(RenderPart.newBuilder().setText(UNLINKED)))
                .build();
        assertThatThrownBy(() -> LmCoreGrpc.newBlockingStub(channel).render(request))
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL));
    }

    /** One conversation: sends Open, answers what is wanted, and collects the rest. */
    private final class Caller implements ClientResponseObserver<GenerateUp, GenerateDown> {
        final List<GenerateDown> received = new ArrayList<>();
        final CompletableFuture<Done> done = new CompletableFuture<>();
        final CompletableFuture<Want> want = new CompletableFuture<>();
        ClientCallStreamObserver<GenerateUp> up;
        boolean sendsSoft = true;

        @Override
        public void beforeStart(ClientCallStreamObserver<GenerateUp> stream) {
            up = stream;
        }

        @Override
        public void onNext(GenerateDown message) {
            received.add(message);
            if (message.hasWant()) {
                want.complete(message.getWant());
                if (sendsSoft) {
                    // Later segments first: any order will do.
                    message.getWant().getSegmentsList().reversed().forEach(this::send);
                }
            }
            if (message.hasDone()) {
                done.complete(message.getDone());
            }
        }

        private void send(int segment) {
            int tokens = segment == 1 ? SOFT_A : SOFT_B;
            List<float[]> rows = TinyModel.softRows(tokens, segment);
            for (int from = 0; from < tokens; from += 50) {
                int n = Math.min(50, tokens - from);
                var data = ByteBuffer.allocate(2 * n * TinyModel.WIDTH).order(ByteOrder.LITTLE_ENDIAN);
                for (int i = 0; i < n; i++) {
                    for (float value : rows.get(from + i)) {
                        data.putShort(Float.floatToFloat16(value));
                    }
                }
                up.onNext(GenerateUp.newBuilder()
                        .setSoft(SoftTokens.newBuilder()
                                .setSegment(segment)
                                .setOffset(from)
                                .setType(SoftType.F16)
                                .setWidth(TinyModel.WIDTH)
                                .setData(ByteString.copyFrom(data.flip())))
                        .build());
            }
        }

        @Override
        public void onError(Throwable cause) {
            want.completeExceptionally(cause);
            done.completeExceptionally(cause);
        }

        @Override
        public void onCompleted() {
            done.completeExceptionally(new IllegalStateException("no Done"));
        }

        String text() {
            StringBuilder text = new StringBuilder();
            received.stream()
                    .filter(GenerateDown::hasTokens)
                    .forEach(m -> text.append(m.getTokens().getText()));
            return text.toString();
        }

        Caller start(Open open) {
            StreamObserver<GenerateUp> stream = LmCoreGrpc.newStub(channel).generate(this);
            stream.onNext(GenerateUp.newBuilder().setOpen(open).build());
            return this;
        }

        Done await() throws Exception {
            return done.get(3, TimeUnit.MINUTES);
        }
    }

    private static Segment text(int length, long seed, boolean boundary) {
        var ids = TextSegment.newBuilder();
        for (int id : TinyModel.prompt(length, seed)) {
            ids.addTokenIds(id);
        }
        return Segment.newBuilder().setText(ids).setBoundaryAfter(boundary).build();
    }

    private static Segment soft(int tokens, int digest, boolean bidirectional, Modality modality) {
        byte[] bytes = new byte[32];
        bytes[31] = (byte) digest;
        return Segment.newBuilder()
                .setSoft(SoftSegment.newBuilder()
                        .setDigest(ByteString.copyFrom(bytes))
                        .setTokenCount(tokens)
                        .setBidirectional(bidirectional))
                .setModality(modality)
                .setBoundaryAfter(true)
                .build();
    }

    private static Open.Builder open(List<Segment> segments) {
        return Open.newBuilder()
                .setModel("tiny")
                .setTenant("a")
                .addAllSegments(segments)
                .setMaxTokens(12);
    }

    private static List<Segment> media(int questionSeed, int digestB) {
        return List.of(
                text(20, 1, false),
                soft(SOFT_A, 1, true, Modality.IMAGE),
                text(10, 2, false),
                soft(SOFT_B, digestB, true, Modality.VIDEO),
                text(15, questionSeed, false));
    }

    @Test
    void softTokensAreAskedForOnceAndRestoredAfterwards() throws Exception {
        var first = new Caller().start(open(media(3, 2)).build());
        Done cold = first.await();
        assertThat(first.want.join().getSegmentsList()).containsExactly(1, 3);
        assertThat(cold.getReceipt().getTokensRestored()).isZero();
        assertThat(cold.getUsage().getPromptTokens()).isEqualTo(405);
        assertThat(engine.flush(Duration.ofMinutes(1))).isTrue();

        var again = new Caller().start(open(media(3, 2)).build());
        Done warm = again.await();
        assertThat(again.want.join().getSegmentsList()).isEmpty();
        assertThat(warm.getReceipt().getTokensRestored()).isEqualTo(404);
        assertThat(again.text()).isEqualTo(first.text());

        var other = new Caller().start(open(media(4, 2)).build());
        Done question = other.await();
        assertThat(other.want.join().getSegmentsList()).isEmpty();
        assertThat(question.getReceipt().getTokensRestored()).isEqualTo(390);
        assertThat(question.getUsage().getCachedByModalityList()).anySatisfy(count -> {
            assertThat(count.getModality()).isEqualTo(Modality.VIDEO);
            assertThat(count.getTokens()).isEqualTo(SOFT_B);
        });
        var uncached = new Caller()
                .start(open(media(4, 2)).setCache(longreach.v1.CacheUse.BYPASS).build());
        uncached.await();
        assertThat(uncached.want.join().getSegmentsList()).containsExactly(1, 3);
        assertThat(other.text()).isEqualTo(uncached.text());
    }

    @Test
    void anotherDigestIsAnotherItem() throws Exception {
        new Caller().start(open(media(3, 2)).build()).await();
        engine.flush(Duration.ofMinutes(1));
        var other = new Caller().start(open(media(3, 9)).build());
        other.await();
        // The first image and the text up to it are shared; the second item's run begins at 90.
        assertThat(other.want.join().getRestoredTokens()).isEqualTo(80);
        assertThat(other.want.join().getSegmentsList()).containsExactly(3);
    }

    @Test
    void aCallerThatLeavesFreesThePages() throws Exception {
        var caller = new Caller();
        caller.sendsSoft = false;
        caller.start(open(media(3, 2)).build());
        caller.want.get(3, TimeUnit.MINUTES);
        caller.up.cancel("gone", null);
        long end = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (engine.pool().bytesReserved() > 0 && System.nanoTime() < end) {
            Thread.sleep(5);
        }
        assertThat(engine.pool().bytesReserved()).isZero();
    }

    @Test
    void softTokensThatNeverComeAreAnError() throws Exception {
        var caller = new Caller();
        caller.sendsSoft = false;
        caller.start(open(media(3, 2)).build());
        caller.want.get(3, TimeUnit.MINUTES);
        caller.up.onCompleted();
        assertStatus(caller, Status.Code.INVALID_ARGUMENT, "before position 20");
    }

    @Test
    void softTokensOfTheWrongShapeAreAnError() throws Exception {
        var caller = new Caller();
        caller.sendsSoft = false;
        caller.start(open(media(3, 2)).build());
        caller.want.get(3, TimeUnit.MINUTES);
        caller.up.onNext(GenerateUp.newBuilder()
                .setSoft(SoftTokens.newBuilder()
                        .setSegment(1)
                        .setType(SoftType.F32)
                        .setWidth(31)
                        .setData(ByteString.copyFrom(new byte[124])))
                .build());
        assertStatus(caller, Status.Code.INVALID_ARGUMENT, "soft width: 31 (expected: 32");
    }

    @Test
    void badRequestsNameTheValueAndWhatWasExpected() {
        assertStatus(
                new Caller().start(open(media(3, 2)).setModel("gpt").build()),
                Status.Code.NOT_FOUND,
                "gpt (expected: tiny)");
        assertStatus(
                new Caller()
                        .start(open(List.of(text(3000, 1, false)))
                                .setContext(ContextUse.newBuilder().setMode(ContextUse.Mode.EXACT))
                                .build()),
                Status.Code.INVALID_ARGUMENT,
                "3000 tokens (expected: at most 2048)");
        assertStatus(
                new Caller()
                        .start(open(List.of(text(3, 1, false)))
                                .setSampling(longreach.v1.Sampling.newBuilder().setTopP(1.4f))
                                .build()),
                Status.Code.INVALID_ARGUMENT,
                "topP: 1.4 (expected: 0 < topP <= 1)");
        assertStatus(
                new Caller()
                        .start(open(List.of(text(3, 1, false))).setTenant("").build()),
                Status.Code.INVALID_ARGUMENT,
                "tenant");
        assertStatus(new Caller().start(open(List.of()).build()), Status.Code.INVALID_ARGUMENT, "0 tokens");
    }

    private static void assertStatus(Caller caller, Status.Code code, String message) {
        assertThatThrownBy(caller::await).cause().isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
            assertThat(e.getStatus().getCode()).isEqualTo(code);
            assertThat(e.getStatus().getDescription()).contains(message);
        });
    }

    @Test
    void prefillOnlyPublishes() throws Exception {
        Done done = new Caller()
                .start(open(List.of(text(300, 5, false))).setMaxTokens(0).build())
                .await();
        assertThat(done.getReason()).isEqualTo(Done.Reason.PREFILLED);
        assertThat(done.getReceipt().getChunksPublished()).isEqualTo(2);
    }

    @Test
    void longPromptsAreSeenInPartFromWhereTheQuestionBegins() throws Exception {
        var question = text(40, 8, false).toBuilder().setQuestionBegins(true).build();
        var segments = List.of(text(2900, 7, true), question, text(10, 9, false));
        Done told = new Caller().start(open(segments).build()).await();
        var seen = told.getReceipt().getSeen();
        assertThat(seen.getMode()).isEqualTo("long");
        assertThat(seen.getSelector()).isEqualTo("lexical");
        assertThat(seen.getBlocksCount()).isEqualTo(4);
        assertThat(seen.getPromptTokens()).isEqualTo(64 + 4 * 128 + 256 + 50);

        Done window = new Caller()
                .start(open(segments)
                        .setContext(ContextUse.newBuilder().setSelector("none"))
                        .build())
                .await();
        assertThat(window.getReceipt().getSeen().getSelector()).isEqualTo("none");
        assertThat(window.getReceipt().getSeen().getPromptTokens()).isEqualTo(64 + 256 + 50);

        assertStatus(
                new Caller()
                        .start(open(segments)
                                .setContext(ContextUse.newBuilder().setMode(ContextUse.Mode.EXACT))
                                .build()),
                Status.Code.INVALID_ARGUMENT,
                "prompt: 2950 tokens (expected: at most 2048)");
        assertStatus(
                new Caller()
                        .start(open(segments)
                                .setContext(ContextUse.newBuilder().setSelector("best"))
                                .build()),
                Status.Code.INVALID_ARGUMENT,
                "selector: best (expected: lexical, embedding, fused or none)");
    }

    @Test
    void whereTheQuestionBeginsASegmentBegins() {
        var stub = LmCoreGrpc.newBlockingStub(channel);
        var turn = Turn.newBuilder()
                .setRole(Turn.Role.USER)
                .addParts(RenderPart.newBuilder().setText("story"))
                .addParts(RenderPart.newBuilder().setText("who?").setQuestionBegins(true));
        var rendered = stub.render(
                RenderRequest.newBuilder().setModel("tiny").addTurns(turn).build());
        assertThat(rendered.getSegmentsList())
                .extracting(Segment::getQuestionBegins)
                .containsExactly(false, true);
        assertThat(rendered.getSegments(0).getText().getTokenIdsList()).hasSize("user:story".length());
    }

    @Test
    void rendersAndDescribes() {
        var stub = LmCoreGrpc.newBlockingStub(channel);
        var models = stub.listModels(ListModelsRequest.getDefaultInstance());
        assertThat(models.getModels(0).getName()).isEqualTo("tiny");
        assertThat(models.getModels(0).getSoftWidth()).isEqualTo(TinyModel.WIDTH);
        var rendered = stub.render(RenderRequest.newBuilder()
                .setModel("tiny")
                .addTurns(Turn.newBuilder()
                        .setRole(Turn.Role.USER)
                        .addParts(RenderPart.newBuilder().setText("a<end>b"))
                        .addParts(RenderPart.newBuilder()
                                .setSoft(media(1, 2).get(1).getSoft())
                                .setModality(Modality.IMAGE)
                                .setBoundaryAfter(true)))
                .build());
        assertThat(rendered.getSegmentsCount()).isEqualTo(3);
        // What a user writes is never a control token.
        assertThat(rendered.getSegments(0).getText().getTokenIdsList()).hasSize("user:a<end>b".length());
        assertThat(rendered.getSegments(1).hasSoft()).isTrue();
        assertThat(rendered.getSegments(1).getBoundaryAfter()).isTrue();
        assertThat(rendered.getSegments(2).getText().getTokenIds(0)).isEqualTo(TinyModel.END);
        assertThat(rendered.getTotalTokens()).isEqualTo(12 + SOFT_A + 1 + "assistant:".length());
    }
}
