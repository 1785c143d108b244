package longreach.lm.rpc;

import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import longreach.lm.backend.ModelBackend;
import longreach.lm.engine.EngineException;
import longreach.lm.engine.GenerateRequest;
import longreach.lm.engine.Generation;
import longreach.v1.GenerateDown;
import longreach.v1.GenerateUp;
import longreach.v1.ListModelsRequest;
import longreach.v1.ListModelsResponse;
import longreach.v1.LmCoreGrpc;
import longreach.v1.RenderRequest;
import longreach.v1.RenderResponse;

/** {@code longreach.v1.LmCore} over the models that are served. */
public final class LmCoreService extends LmCoreGrpc.LmCoreImplBase {
    /** Longest that the end of a durable request waits for the store. */
    private static final Duration FLUSH = Duration.ofSeconds(60);

    private final List<ModelBackend> models;
    private final Executor executor;

    /** @param executor runs the writers of calls; its threads may wait */
    public LmCoreService(List<? extends ModelBackend> models, Executor executor) {
        this.models = List.copyOf(models);
        this.executor = executor;
    }

    @Override
    public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> out) {
        answer(out, () -> {
            var response = ListModelsResponse.newBuilder();
            models.forEach(model -> response.addModels(model.describe()));
            return response.build();
        });
    }

    @Override
    public void render(RenderRequest request, StreamObserver<RenderResponse> out) {
        answer(out, () -> model(request.getModel()).render(request));
    }

    /** One answer or one error, once. */
    private static <T> void answer(StreamObserver<T> out, Supplier<T> work) {
        T response;
        try {
            response = work.get();
        } catch (Throwable e) {
            // An Error too: what is thrown out of a handler ends its call without a reason, and is told nowhere.
            out.onError(StatusMapper.toStatus(e));
            return;
        }
        out.onNext(response);
        out.onCompleted();
    }

    @Override
    public StreamObserver<GenerateUp> generate(StreamObserver<GenerateDown> out) {
        var call = (ServerCallStreamObserver<GenerateDown>) out;
        call.disableAutoRequest();
        var conversation = new Conversation(call);
        call.setOnReadyHandler(conversation::ready);
        call.setOnCancelHandler(conversation::cancelled);
        call.request(1);
        return conversation;
    }

    private ModelBackend model(String name) {
        for (ModelBackend model : models) {
            if (model.describe().getName().equals(name)) {
                return model;
            }
        }
        throw new EngineException.UnknownModel(
                name,
                String.join(
                        ", ", models.stream().map(m -> m.describe().getName()).toList()));
    }

    /** The caller's side of one call: Open first, then soft tokens. gRPC calls it from one thread at a time. */
    private final class Conversation implements StreamObserver<GenerateUp> {
        private final ServerCallStreamObserver<GenerateDown> call;
        private final AnswerCall early;
        private volatile AnswerCall answer;
        private volatile Generation generation;
        private ModelBackend model;

        Conversation(ServerCallStreamObserver<GenerateDown> call) {
            this.call = call;
            this.early = new AnswerCall(call, executor, null);
        }

        @Override
        public void onNext(GenerateUp message) {
            try {
                switch (message.getKindCase()) {
                    case OPEN -> open(message);
                    case SOFT -> soft(message);
                    case KIND_NOT_SET ->
                        throw new EngineException.InvalidRequest("message: empty (expected: open or soft)");
                }
            } catch (Throwable e) {
                fail(e);
            }
            call.request(1);
        }

        private void open(GenerateUp message) {
            if (generation != null) {
                throw new EngineException.InvalidRequest("open: twice (expected: once, first)");
            }
            model = model(message.getOpen().getModel());
            ModelBackend opened = model;
            var sink = new AnswerCall(
                    call, executor, message.getOpen().getDurable() ? () -> opened.awaitStored(FLUSH) : null);
            answer = sink;
            Generation submitted =
                    model.open(message.getOpen(), nanos(Context.current().getDeadline()), sink);
            sink.attach(submitted);
            generation = submitted;
            if (call.isCancelled()) {
                submitted.cancel();
            }
        }

        private static long nanos(Deadline deadline) {
            return deadline == null
                    ? GenerateRequest.NO_DEADLINE
                    : System.nanoTime() + deadline.timeRemaining(TimeUnit.NANOSECONDS);
        }

        private void soft(GenerateUp message) {
            if (generation == null) {
                throw new EngineException.InvalidRequest("soft: before open (expected: open first)");
            }
            var soft = message.getSoft();
            generation.soft(soft.getSegment(), soft.getOffset(), Requests.rows(soft, model.softWidth()));
        }

        private void fail(Throwable cause) {
            (answer == null ? early : answer).failed(cause);
            if (generation != null) {
                generation.cancel();
            }
        }

        void ready() {
            AnswerCall current = answer;
            if (current != null) {
                current.drain();
            }
        }

        void cancelled() {
            Generation current = generation;
            if (current != null) {
                current.cancel();
            }
        }

        @Override
        public void onError(Throwable cause) {
            cancelled();
        }

        @Override
        public void onCompleted() {
            if (generation != null) {
                generation.softEnded();
            } else {
                fail(new EngineException.InvalidRequest("stream: ended without open (expected: open first)"));
            }
        }
    }
}
