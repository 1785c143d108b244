package longreach.standalone.load;

import io.grpc.Server;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import longreach.v1.Done;
import longreach.v1.GenerateDown;
import longreach.v1.GenerateUp;
import longreach.v1.ListModelsRequest;
import longreach.v1.ListModelsResponse;
import longreach.v1.LmCoreGrpc;
import longreach.v1.ModelDescription;
import longreach.v1.Open;
import longreach.v1.RenderRequest;
import longreach.v1.RenderResponse;
import longreach.v1.Segment;
import longreach.v1.TextSegment;
import longreach.v1.TokenChunk;
import longreach.v1.Usage;
import longreach.v1.Want;

/** An lm-core that computes nothing: a letter is a token, and an answer is as many numbered words as were asked for. */
public final class StubCore extends LmCoreGrpc.LmCoreImplBase implements AutoCloseable {
    public static final String MODEL = "stub";
    private static final int CONTEXT = 1 << 20;

    private final Server server;
    private final ScheduledExecutorService pace = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("pace").factory());
    private volatile long tokenMillis;

    /** @param name in-process name to serve under */
    public StubCore(String name) throws IOException {
        server = InProcessServerBuilder.forName(name)
                .executor(Executors.newVirtualThreadPerTaskExecutor())
                .addService(this)
                .build()
                .start();
    }

    /** @param tokenMillis between two tokens of an answer; 0: at once */
    public void pace(long tokenMillis) {
        this.tokenMillis = tokenMillis;
    }

    @Override
    public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> out) {
        out.onNext(ListModelsResponse.newBuilder()
                .addModels(ModelDescription.newBuilder()
                        .setName(MODEL)
                        .setContextTokens(CONTEXT)
                        .setOutputTokens(CONTEXT / 2))
                .build());
        out.onCompleted();
    }

    @Override
    public void render(RenderRequest request, StreamObserver<RenderResponse> out) {
        var rendered = RenderResponse.newBuilder();
        int total = 0;
        for (var turn : request.getTurnsList()) {
            for (var part : turn.getPartsList()) {
                var ids = TextSegment.newBuilder();
                part.getText().chars().forEach(ids::addTokenIds);
                total += ids.getTokenIdsCount();
                rendered.addSegments(Segment.newBuilder().setText(ids).setBoundaryAfter(part.getBoundaryAfter()));
            }
        }
        out.onNext(rendered.setTotalTokens(total).build());
        out.onCompleted();
    }

    @Override
    public StreamObserver<GenerateUp> generate(StreamObserver<GenerateDown> out) {
        return new StreamObserver<>() {
            @Override
            public void onNext(GenerateUp up) {
                out.onNext(GenerateDown.newBuilder()
                        .setWant(Want.getDefaultInstance())
                        .build());
                if (tokenMillis == 0) {
                    for (int i = 0; i < up.getOpen().getMaxTokens(); i++) {
                        out.onNext(token(i));
                    }
                    end(up.getOpen());
                } else {
                    next(up.getOpen(), 0);
                }
            }

            private void next(Open open, int index) {
                pace.schedule(
                        () -> {
                            out.onNext(token(index));
                            if (index + 1 < open.getMaxTokens()) {
                                next(open, index + 1);
                            } else {
                                end(open);
                            }
                        },
                        tokenMillis,
                        TimeUnit.MILLISECONDS);
            }

            private void end(Open open) {
                out.onNext(GenerateDown.newBuilder()
                        .setDone(Done.newBuilder()
                                .setReason(Done.Reason.STOP)
                                .setUsage(Usage.newBuilder().setOutputTokens(open.getMaxTokens())))
                        .build());
                out.onCompleted();
            }

            @Override
            public void onError(Throwable error) {}

            @Override
            public void onCompleted() {}
        };
    }

    private static GenerateDown token(int index) {
        return GenerateDown.newBuilder()
                .setTokens(TokenChunk.newBuilder().addTokenIds(index).setText("w" + index + " "))
                .build();
    }

    @Override
    public void close() {
        pace.shutdownNow();
        server.shutdownNow();
    }
}
