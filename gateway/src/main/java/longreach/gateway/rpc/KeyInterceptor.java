package longreach.gateway.rpc;

import com.google.protobuf.MessageLite;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import longreach.gateway.auth.ApiKeys;
import longreach.gateway.auth.AuditEntry;
import longreach.gateway.auth.Quotas;
import longreach.gateway.auth.Tenant;
import longreach.gateway.error.ApiException;
import longreach.gateway.error.ErrorMapper;

/** Asks every public call for its key; health and reflection are open. */
public final class KeyInterceptor implements ServerInterceptor {
    private static final Context.Key<Tenant> TENANT = Context.key("tenant");
    private static final Metadata.Key<String> API_KEY =
            Metadata.Key.of("x-goog-api-key", Metadata.ASCII_STRING_MARSHALLER);
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
    private static final String BEARER = "bearer ";
    static final String PUBLIC = "google.ai.generativelanguage.";

    private final ApiKeys keys;
    private final Quotas quotas;

    public KeyInterceptor(ApiKeys keys, Quotas quotas) {
        this.keys = keys;
        this.quotas = quotas;
    }

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        if (!call.getMethodDescriptor().getFullMethodName().startsWith(PUBLIC)) {
            return next.startCall(call, headers);
        }
        try {
            var tenant = keys.admit(key(headers));
            AuditEntry.current().tenant(tenant);
            quotas.request(tenant);
            var listener = Contexts.interceptCall(Context.current().withValue(TENANT, tenant), call, headers, next);
            return new Weighed<>(listener, call, tenant);
        } catch (ApiException e) {
            refuse(call, e);
            return new ServerCall.Listener<>() {};
        }
    }

    private static void refuse(ServerCall<?, ?> call, ApiException reason) {
        StatusRuntimeException refused = ErrorMapper.toGrpc(reason);
        call.close(refused.getStatus(), refused.getTrailers() == null ? new Metadata() : refused.getTrailers());
    }

    /** Takes a message's bytes from the tenant's allowance before anybody sees it. */
    private final class Weighed<Q> extends SimpleForwardingServerCallListener<Q> {
        private final ServerCall<Q, ?> call;
        private final Tenant tenant;
        private boolean refused;

        Weighed(ServerCall.Listener<Q> listener, ServerCall<Q, ?> call, Tenant tenant) {
            super(listener);
            this.call = call;
            this.tenant = tenant;
        }

        @Override
        public void onMessage(Q message) {
            if (message instanceof MessageLite weighed) {
                AuditEntry.current().bytes(weighed.getSerializedSize());
                try {
                    quotas.bytes(tenant, weighed.getSerializedSize());
                } catch (ApiException e) {
                    refused = true;
                    refuse(call, e);
                }
            }
            if (!refused) {
                super.onMessage(message);
            }
        }

        @Override
        public void onHalfClose() {
            if (!refused) {
                super.onHalfClose();
            }
        }
    }

    private static String key(Metadata headers) {
        var key = headers.get(API_KEY);
        if (key != null) {
            return key;
        }
        var bearer = headers.get(AUTHORIZATION);
        return bearer != null && bearer.regionMatches(true, 0, BEARER, 0, BEARER.length())
                ? bearer.substring(BEARER.length())
                : null;
    }

    static Tenant tenant() {
        var tenant = TENANT.get();
        if (tenant == null) {
            throw new IllegalStateException("a public call without the key check before it");
        }
        return tenant;
    }
}
