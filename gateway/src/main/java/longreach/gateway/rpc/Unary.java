package longreach.gateway.rpc;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import longreach.gateway.error.ErrorMapper;

/** One answer or one error, once. */
final class Unary {
    private Unary() {}

    interface Work<T> {
        T run() throws IOException;
    }

    static <T> void answer(StreamObserver<T> out, Work<T> work) {
        T answer;
        try {
            answer = work.run();
        } catch (Throwable e) {
            // An Error too: what is thrown out of a handler ends its call without a reason, and is told nowhere.
            fail(out, e);
            return;
        }
        if (!cancelled(out)) {
            out.onNext(answer);
            out.onCompleted();
        }
    }

    private static <T> void fail(StreamObserver<T> out, Throwable error) {
        if (!cancelled(out)) {
            out.onError(ErrorMapper.toGrpc(error));
        }
    }

    private static boolean cancelled(StreamObserver<?> out) {
        return out instanceof ServerCallStreamObserver<?> call && call.isCancelled();
    }
}
