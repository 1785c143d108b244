package longreach.gateway.auth;

import io.grpc.Context;
import java.util.UUID;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is written down of one call: who, what, how much and how it ended; nothing of what was said. Travels in the gRPC
 * context of the call, over HTTP too.
 */
public final class AuditEntry {
    /** Off unless it is turned on. */
    private static final Logger LOG = LoggerFactory.getLogger("longreach.audit");

    private static final Context.Key<AuditEntry> KEY = Context.key("audit");
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    private final String id;
    private final String method;
    private final long began = System.nanoTime();
    private volatile String tenant = "-";
    private volatile String model = "-";
    private volatile long bytes;
    private volatile int promptTokens;
    private volatile int cachedTokens;
    private volatile int outputTokens;

    /** @param given the caller's own id of the call; another one is made when it is none */
    public AuditEntry(String given, String method) {
        id = given != null && ID.matcher(given).matches()
                ? given
                : UUID.randomUUID().toString();
        this.method = method;
    }

    public String id() {
        return id;
    }

    /** The context to run the call in. */
    public Context within(Context context) {
        return context.withValue(KEY, this);
    }

    /** Of the call that the current thread works for; one that nobody writes down where there is none. */
    public static AuditEntry current() {
        var entry = KEY.get();
        return entry == null ? new AuditEntry(null, "") : entry;
    }

    public void tenant(Tenant tenant) {
        this.tenant = tenant.name();
    }

    public void bytes(long bytes) {
        this.bytes = bytes;
    }

    public void tokens(String model, int prompt, int cached, int output) {
        this.model = model;
        promptTokens = prompt;
        cachedTokens = cached;
        outputTokens = output;
    }

    /** @param outcome an HTTP code or a gRPC status */
    public void end(String outcome) {
        LOG.info(
                "id={} tenant={} call=\"{}\" outcome={} ms={} bytes={} model={} prompt={} cached={} output={}",
                id,
                tenant,
                method,
                outcome,
                (System.nanoTime() - began) / 1_000_000,
                bytes,
                model,
                promptTokens,
                cachedTokens,
                outputTokens);
    }
}
