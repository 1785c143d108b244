package longreach.gateway.rpc;

import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import longreach.gateway.answer.AnswerSink;
import longreach.gateway.answer.Answering;
import longreach.gateway.embed.Embeddings;
import longreach.gateway.error.ApiException;
import longreach.gateway.error.ErrorMapper;
import longreach.gemini.v1beta.BatchEmbedContentsRequest;
import longreach.gemini.v1beta.BatchEmbedContentsResponse;
import longreach.gemini.v1beta.CountTokensRequest;
import longreach.gemini.v1beta.CountTokensResponse;
import longreach.gemini.v1beta.EmbedContentRequest;
import longreach.gemini.v1beta.EmbedContentResponse;
import longreach.gemini.v1beta.GenerateAnswerRequest;
import longreach.gemini.v1beta.GenerateAnswerResponse;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.gemini.v1beta.GenerativeServiceGrpc;
import org.springframework.stereotype.Service;

/** GenerativeService over gRPC. */
@Service
public final class GenerativeRpc extends GenerativeServiceGrpc.GenerativeServiceImplBase {
    private final Answering answering;
    private final Embeddings embeddings;

    public GenerativeRpc(Answering answering, Embeddings embeddings) {
        this.answering = answering;
        this.embeddings = embeddings;
    }

    @Override
    public void generateContent(GenerateContentRequest request, StreamObserver<GenerateContentResponse> out) {
        Unary.answer(out, () -> {
            var answer = answering.answer(request, KeyInterceptor.tenant(), GenerativeRpc::checkContext);
            ReceiptTrailer.set(answer.getLongreachReceipt());
            return answer;
        });
    }

    @Override
    public void countTokens(CountTokensRequest request, StreamObserver<CountTokensResponse> out) {
        Unary.answer(out, () -> answering.count(request, KeyInterceptor.tenant(), GenerativeRpc::checkContext));
    }

    /** Runs beside the call's own callbacks, which tell it when the client can take more and when it has left. */
    @Override
    public void streamGenerateContent(GenerateContentRequest request, StreamObserver<GenerateContentResponse> out) {
        var sink = new Sink((ServerCallStreamObserver<GenerateContentResponse>) out);
        Thread.ofVirtual().name("stream").start(Context.current().wrap(() -> {
            try {
                answering.stream(request, KeyInterceptor.tenant(), sink);
                out.onCompleted();
            } catch (Throwable e) {
                sink.fail(e);
            }
        }));
    }

    @Override
    public void embedContent(EmbedContentRequest request, StreamObserver<EmbedContentResponse> out) {
        Unary.answer(out, () -> embeddings.embed(request, KeyInterceptor.tenant()));
    }

    @Override
    public void batchEmbedContents(BatchEmbedContentsRequest request, StreamObserver<BatchEmbedContentsResponse> out) {
        Unary.answer(out, () -> embeddings.embed(request, KeyInterceptor.tenant()));
    }

    @Override
    public void generateAnswer(GenerateAnswerRequest request, StreamObserver<GenerateAnswerResponse> out) {
        Unary.answer(out, () -> {
            throw ApiException.unimplemented("generateAnswer: not served (expected: generateContent)");
        });
    }

    static void checkContext() {
        if (Context.current().isCancelled()) {
            throw gone();
        }
    }

    private static ApiException gone() {
        return Context.current().cancellationCause() instanceof java.util.concurrent.TimeoutException
                ? ApiException.deadline("the deadline passed")
                : ApiException.cancelled("the caller cancelled the call");
    }

    private static final class Sink implements AnswerSink {
        private static final long LOOK_MILLIS = 200;

        private final ServerCallStreamObserver<GenerateContentResponse> out;
        private final Object changed = new Object();

        Sink(ServerCallStreamObserver<GenerateContentResponse> out) {
            this.out = out;
            out.setOnReadyHandler(this::signal);
            out.setOnCancelHandler(this::signal);
        }

        private void signal() {
            synchronized (changed) {
                changed.notifyAll();
            }
        }

        /** Waits while the client is slower than the model. */
        @Override
        public void accept(GenerateContentResponse piece) {
            synchronized (changed) {
                while (!out.isReady() && !out.isCancelled()) {
                    try {
                        changed.wait(LOOK_MILLIS);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                        throw ApiException.cancelled("the answer was stopped");
                    }
                    checkContext();
                }
            }
            if (out.isCancelled()) {
                throw gone();
            }
            if (piece.hasLongreachReceipt()) {
                ReceiptTrailer.set(piece.getLongreachReceipt());
            }
            out.onNext(piece);
        }

        @Override
        public void checkStillThere() {
            if (out.isCancelled()) {
                throw gone();
            }
            checkContext();
        }

        void fail(Throwable error) {
            if (!out.isCancelled()) {
                out.onError(ErrorMapper.toGrpc(error));
            }
        }
    }
}
