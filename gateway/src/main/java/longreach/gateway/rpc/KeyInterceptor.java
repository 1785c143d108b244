package longreach.gateway.rpc;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import longreach.gateway.auth.ApiKeys;
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
    private static final String PUBLIC = "google.ai.generativelanguage.";

    private final ApiKeys keys;

    public KeyInterceptor(ApiKeys keys) {
        this.keys = keys;
    }

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        if (!call.getMethodDescriptor().getFullMethodName().startsWith(PUBLIC)) {
            return next.startCall(call, headers);
        }
        try {
            var tenant = keys.admit(key(headers));
            return Contexts.interceptCall(Context.current().withValue(TENANT, tenant), call, headers, next);
        } catch (ApiException e) {
            StatusRuntimeException refused = ErrorMapper.toGrpc(e);
            call.close(refused.getStatus(), refused.getTrailers() == null ? new Metadata() : refused.getTrailers());
            return new ServerCall.Listener<>() {};
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
