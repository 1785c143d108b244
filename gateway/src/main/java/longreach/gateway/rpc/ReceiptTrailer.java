package longreach.gateway.rpc;

import io.grpc.Context;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.concurrent.atomic.AtomicReference;
import longreach.gemini.v1beta.LongreachReceipt;

/** Sends the receipt of an answer behind it, as trailer {@code x-longreach-receipt-bin}. */
public final class ReceiptTrailer implements ServerInterceptor {
    static final Metadata.Key<byte[]> RECEIPT =
            Metadata.Key.of("x-longreach-receipt-bin", Metadata.BINARY_BYTE_MARSHALLER);
    private static final Context.Key<AtomicReference<LongreachReceipt>> HOLDER = Context.key("receipt");

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        var holder = new AtomicReference<LongreachReceipt>();
        var answering = new SimpleForwardingServerCall<>(call) {
            @Override
            public void close(Status status, Metadata trailers) {
                var receipt = holder.get();
                if (receipt != null) {
                    trailers.put(RECEIPT, receipt.toByteArray());
                }
                super.close(status, trailers);
            }
        };
        return io.grpc.Contexts.interceptCall(Context.current().withValue(HOLDER, holder), answering, headers, next);
    }

    static void set(LongreachReceipt receipt) {
        var holder = HOLDER.get();
        if (holder != null) {
            holder.set(receipt);
        }
    }
}
