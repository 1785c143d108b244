package longreach.lm;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.inprocess.InProcessChannelBuilder;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import longreach.lm.engine.TinyGguf;
import longreach.v1.ListModelsRequest;
import longreach.v1.LmCoreGrpc;
import longreach.v1.RenderPart;
import longreach.v1.RenderRequest;
import longreach.v1.Turn;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The application as it is started, with a checkpoint of a few kilobytes and no Redis. */
class LmCoreApplicationTest {
    @Test
    void startsServesAndStops(@TempDir Path directory) throws Exception {
        Path gguf = TinyGguf.write(directory.resolve("tiny.gguf"));
        String name = "lm-core-test-" + ProcessHandle.current().pid();
        try (var context = LmCoreApplication.builder()
                .run(
                        "--lm-core.model=" + gguf,
                        "--lm-core.threads=1",
                        "--lm-core.kv-bytes=64MB",
                        "--lm-core.precision=f32",
                        "--context-store.redis=memory:local",
                        "--spring.grpc.server.inprocess.name=" + name,
                        "--spring.grpc.server.port=0")) {
            assertThat(context.isRunning()).isTrue();
            ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
            try {
                var stub = LmCoreGrpc.newBlockingStub(channel);
                var model =
                        stub.listModels(ListModelsRequest.getDefaultInstance()).getModels(0);
                assertThat(model.getName()).isEqualTo("tiny");
                assertThat(model.getPrecision()).isEqualTo("f32");
                assertThat(model.getSoftWidth()).isZero();
                var rendered = stub.render(RenderRequest.newBuilder()
                        .setModel("tiny")
                        .addTurns(Turn.newBuilder()
                                .setRole(Turn.Role.USER)
                                .addParts(RenderPart.newBuilder().setText("abc")))
                        .build());
                assertThat(rendered.getSegments(0).getText().getTokenIdsList())
                        .containsExactly(256, (int) 'a', (int) 'b', (int) 'c', 257);
            } finally {
                channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
            }
        }
    }
}
