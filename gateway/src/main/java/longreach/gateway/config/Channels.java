package longreach.gateway.config;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ConnectivityState;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.inprocess.InProcessChannelBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** The channels to the other services. They connect lazily, so the gateway starts before, after or beside them. */
public final class Channels implements AutoCloseable {
    static final String IN_PROCESS = "in-process:";
    /** Encoders send pieces and lm-core renders whole conversations; both stay far below this. */
    private static final int MAX_MESSAGE_BYTES = 64 << 20;

    private static final long CLOSE_SECONDS = 5;

    private final List<ManagedChannel> open = new ArrayList<>();

    public final ManagedChannel lmCore;
    public final ManagedChannel visionEncoder;
    public final ManagedChannel audioEncoder;
    public final ManagedChannel contextStore;

    public Channels(GatewayProperties properties) {
        lmCore = connect(properties.lmCore());
        visionEncoder = connect(properties.visionEncoder());
        audioEncoder = connect(properties.audioEncoder());
        contextStore = connect(properties.contextStore());
    }

    private ManagedChannel connect(String target) {
        var executor = Executors.newVirtualThreadPerTaskExecutor();
        var builder = target.startsWith(IN_PROCESS)
                ? InProcessChannelBuilder.forName(target.substring(IN_PROCESS.length()))
                : Grpc.newChannelBuilder(target, InsecureChannelCredentials.create())
                        .defaultLoadBalancingPolicy("round_robin");
        var atOnce = new ConnectAtOnce();
        var channel = builder.executor(executor)
                .intercept(atOnce)
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                .build();
        atOnce.channel = channel;
        open.add(channel);
        return channel;
    }

    /**
     * gRPC waits longer after each failed attempt, up to two minutes, and fails every call meanwhile, although a service
     * that was started anew may long be there. So a call that finds its channel waiting has it try again at once.
     */
    private static final class ConnectAtOnce implements ClientInterceptor {
        private volatile ManagedChannel channel;

        @Override
        public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            if (channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE) {
                channel.resetConnectBackoff();
            }
            return next.newCall(method, options);
        }
    }

    @Override
    public void close() {
        open.forEach(ManagedChannel::shutdownNow);
        for (var channel : open) {
            try {
                channel.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
