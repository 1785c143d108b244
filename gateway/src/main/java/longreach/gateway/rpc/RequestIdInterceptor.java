package longreach.gateway.rpc;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import longreach.gateway.auth.AuditEntry;

/** Gives every public call an id, in its headers and trailers, and writes it down at its end. */
public final class RequestIdInterceptor implements ServerInterceptor {
    static final Metadata.Key<String> ID = Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        var name = call.getMethodDescriptor().getFullMethodName();
        if (!name.startsWith(KeyInterceptor.PUBLIC)) {
            return next.startCall(call, headers);
        }
        var entry = new AuditEntry(headers.get(ID), name);
        var named = new SimpleForwardingServerCall<>(call) {
            private boolean began;

            @Override
            public void sendHeaders(Metadata answer) {
                began = true;
                answer.put(ID, entry.id());
                super.sendHeaders(answer);
            }

            @Override
            public void close(Status status, Metadata trailers) {
                if (!began) {
                    trailers.put(ID, entry.id());
                }
                super.close(status, trailers);
                entry.end(status.getCode().name());
            }
        };
        return Contexts.interceptCall(entry.within(Context.current()), named, headers, next);
    }
}
