package longreach.gateway.call;

import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.function.Function;
import longreach.gateway.error.ApiException;

/**
 * A bidirectional call for threads that may block. A few messages at most are on their way, so a slow reader slows the
 * service, and a service that has several ready need not be asked for each; {@link #write} waits while the transport's buffer is full. One reader and one writer thread may work at the
 * same time. Closing a call that has not ended cancels it.
 */
public final class DuplexCall<Q, R> implements AutoCloseable {
    /** How often a waiting reader looks whether its caller is still there. */
    private static final long LOOK_MILLIS = 200;

    /** Messages on their way or not read yet. */
    private static final int WINDOW = 8;

    private final String service;
    private final ArrayDeque<R> arrived = new ArrayDeque<>();
    private ClientCallStreamObserver<Q> up;
    private Status end;
    private boolean halfClosed;

    private DuplexCall(String service) {
        this.service = service;
    }

    /**
     * @param service what the other side is called in error messages
     * @param start the stub's method, as in {@code LmCoreGrpc.newStub(channel)::generate}. Its executor may be the
     *     transport's own thread: what arrives is put in a queue, no more
     */
    public static <Q, R> DuplexCall<Q, R> open(String service, Function<StreamObserver<R>, StreamObserver<Q>> start) {
        var call = new DuplexCall<Q, R>(service);
        start.apply(call.new Down());
        call.up.request(WINDOW);
        return call;
    }

    /** @throws ApiException when the call has ended before the message could be sent */
    public void write(Q message) throws InterruptedException {
        synchronized (this) {
            while (end == null && !up.isReady()) {
                wait();
            }
            if (end != null) {
                throw ended();
            }
        }
        up.onNext(message);
    }

    /** Nothing more will be written. */
    public void halfClose() {
        synchronized (this) {
            if (end != null || halfClosed) {
                return;
            }
            halfClosed = true;
        }
        up.onCompleted();
    }

    /**
     * The next message, or null at the end of a call that ended well.
     *
     * @throws ApiException the service's status, or CANCELLED when the caller left meanwhile
     */
    public R read(Caller caller) throws InterruptedException {
        R message;
        synchronized (this) {
            while (arrived.isEmpty() && end == null) {
                wait(LOOK_MILLIS);
                if (arrived.isEmpty() && end == null) {
                    caller.checkStillThere();
                }
            }
            message = arrived.poll();
            if (message == null) {
                if (end.isOk()) {
                    return null;
                }
                throw ended();
            }
            if (end != null) {
                return message;
            }
        }
        up.request(1);
        return message;
    }

    private ApiException ended() {
        return end.isOk()
                ? ApiException.from(Status.INTERNAL.withDescription("it ended the call early"), service)
                : ApiException.from(end, service);
    }

    /** Ends the call from this side: the reader sees {@code reason} as an internal failure. */
    public void fail(String reason, Throwable cause) {
        synchronized (this) {
            if (end == null) {
                end = Status.INTERNAL.withDescription(reason).withCause(cause);
                notifyAll();
            }
        }
        up.cancel(reason, cause);
    }

    @Override
    public void close() {
        synchronized (this) {
            if (end != null) {
                return;
            }
        }
        up.cancel("the gateway needs no more of this call", null);
    }

    private final class Down implements ClientResponseObserver<Q, R> {
        @Override
        public void beforeStart(ClientCallStreamObserver<Q> requests) {
            up = requests;
            requests.disableAutoRequestWithInitial(0);
            requests.setOnReadyHandler(this::signal);
        }

        private void signal() {
            synchronized (DuplexCall.this) {
                DuplexCall.this.notifyAll();
            }
        }

        @Override
        public void onNext(R message) {
            synchronized (DuplexCall.this) {
                arrived.add(message);
                DuplexCall.this.notifyAll();
            }
        }

        @Override
        public void onError(Throwable error) {
            finish(Status.fromThrowable(error));
        }

        @Override
        public void onCompleted() {
            finish(Status.OK);
        }

        private void finish(Status status) {
            synchronized (DuplexCall.this) {
                // The first end counts: a failure of this side comes back as the cancellation that it caused.
                if (end == null) {
                    end = status;
                }
                DuplexCall.this.notifyAll();
            }
        }
    }
}
