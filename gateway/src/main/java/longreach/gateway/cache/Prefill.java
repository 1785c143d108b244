package longreach.gateway.cache;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import longreach.gateway.auth.Tenant;
import longreach.gateway.call.Caller;
import longreach.gateway.call.DuplexCall;
import longreach.gateway.error.ApiException;
import longreach.gateway.media.Pictures;
import longreach.gateway.media.Pictures.Picture;
import longreach.v1.GenerateDown;
import longreach.v1.GenerateUp;
import longreach.v1.LmCoreGrpc;
import longreach.v1.Open;
import longreach.v1.Segment;

/** Has lm-core compute a prompt's beginning and put it into the store. */
public final class Prefill {
    /** The longest inputs take hours on small machines; the caller's own deadline is usually nearer. */
    private static final Duration LIMIT = Duration.ofHours(12);

    private final Channel lmCore;
    private final Pictures pictures;

    public Prefill(Channel lmCore, Pictures pictures) {
        this.lmCore = lmCore;
        this.pictures = pictures;
    }

    /**
     * @param seen pictures that stand in the segments for the first time
     * @return the chunks that hold it, as far as the store took them
     */
    public List<ByteString> run(String model, Tenant tenant, List<Segment> segments, List<Picture> seen, Caller caller)
            throws InterruptedException, IOException {
        return run(model, tenant, segments, seen, caller, down -> {});
    }

    /** @param watch told everything that lm-core says; what it throws ends the prefill */
    List<ByteString> run(
            String model,
            Tenant tenant,
            List<Segment> segments,
            List<Picture> seen,
            Caller caller,
            Consumer<GenerateDown> watch)
            throws InterruptedException, IOException {
        try (var call = DuplexCall.<GenerateUp, GenerateDown>open(
                "lm-core",
                down -> LmCoreGrpc.newStub(lmCore)
                        .withDeadlineAfter(LIMIT.toMillis(), TimeUnit.MILLISECONDS)
                        .generate(down))) {
            call.write(GenerateUp.newBuilder()
                    .setOpen(Open.newBuilder()
                            .setModel(model)
                            .setTenant(tenant.name())
                            .addAllSegments(segments)
                            .setDurable(true))
                    .build());
            for (var down = call.read(caller); down != null; down = call.read(caller)) {
                watch.accept(down);
                if (down.hasWant()) {
                    pictures.send(down.getWant(), segments, seen, tenant.name(), call, caller);
                }
                if (down.hasDone()) {
                    return down.getDone().getChunkKeysList();
                }
            }
            throw ApiException.unavailable("lm-core ended the prefill early", null);
        }
    }
}
