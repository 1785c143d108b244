package longreach.gateway.rpc;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;

/**
 * Refuses bytes that are no message of the call's type with INVALID_ARGUMENT. gRPC parses a message before it asks any
 * interceptor, and takes what the parser throws for a fault of the service (status UNKNOWN, a stack trace in the log);
 * so here the bytes travel unparsed through this interceptor and are parsed behind it.
 */
public final class BrokenMessages implements ServerInterceptor {
    private BrokenMessages() {}

    /** @return the service behind the check, with the ids and the audit of {@link RequestIdInterceptor} before it */
    public static ServerServiceDefinition refusedBy(ServerServiceDefinition service) {
        return ServerInterceptors.interceptForward(
                ServerInterceptors.useInputStreamMessages(service), new RequestIdInterceptor(), new BrokenMessages());
    }

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        return new SimpleForwardingServerCallListener<>(next.startCall(call, headers)) {
            private boolean refused;

            @Override
            public void onMessage(Q message) {
                if (refused) {
                    return;
                }
                try {
                    super.onMessage(message);
                } catch (StatusRuntimeException e) {
                    if (!(e.getCause() instanceof InvalidProtocolBufferException broken)) {
                        throw e;
                    }
                    refused = true;
                    call.close(
                            Status.INVALID_ARGUMENT.withDescription("the message's bytes: " + broken.getMessage()
                                    + " (expected: a "
                                    + call.getMethodDescriptor().getBareMethodName() + " request)"),
                            new Metadata());
                }
            }

            @Override
            public void onHalfClose() {
                if (!refused) {
                    super.onHalfClose();
                }
            }
        };
    }
}
