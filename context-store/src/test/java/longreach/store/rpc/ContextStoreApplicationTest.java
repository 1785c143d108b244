package longreach.store.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import longreach.store.ContextStoreApplication;
import longreach.v1.ContextStoreGrpc;
import longreach.v1.EraseTenantRequest;
import longreach.v1.GetArtifactRequest;
import longreach.v1.PutArtifactRequest;
import longreach.v1.StatsRequest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;

class ContextStoreApplicationTest {
    private static final ByteString DIGEST = ByteString.copyFrom(new byte[32]);

    private static ConfigurableApplicationContext application;
    private static ManagedChannel channel;
    private static ContextStoreGrpc.ContextStoreBlockingStub store;

    @BeforeAll
    static void start() {
        application = ContextStoreApplication.builder()
                .run("--context-store.redis=memory:local", "--spring.grpc.server.inprocess.name=context-store-test");
        channel = InProcessChannelBuilder.forName("context-store-test").build();
        store = ContextStoreGrpc.newBlockingStub(channel);
    }

    @AfterAll
    static void stop() {
        channel.shutdownNow();
        application.close();
    }

    @Test
    void keepsArtifactsByTenantUntilErased() {
        ByteString value = ByteString.copyFromUtf8("what an encoder made");
        assertThat(store.putArtifact(PutArtifactRequest.newBuilder()
                                .setTenant("a")
                                .setDigest(DIGEST)
                                .setValue(value)
                                .build())
                        .getStored())
                .isTrue();
        assertThat(get("a").getValue()).isEqualTo(value);
        assertThat(get("b").getFound()).isFalse();
        assertThat(store.stats(StatsRequest.newBuilder().setTenant("a").build()).getArtifacts())
                .isEqualTo(1);

        var erased =
                store.eraseTenant(EraseTenantRequest.newBuilder().setTenant("a").build());

        assertThat(erased.getArtifactsErased()).isEqualTo(1);
        assertThat(erased.getRemaining()).isZero();
        assertThat(get("a").getFound()).isFalse();
    }

    @Test
    void namesTheBadValueAndWhatWasExpected() {
        assertInvalid("tenant: 0 characters (expected: 1 to 256)", () -> get(""));
        assertInvalid(
                "digest: 3 bytes (expected: 32)",
                () -> store.getArtifact(GetArtifactRequest.newBuilder()
                        .setTenant("a")
                        .setDigest(ByteString.copyFromUtf8("abc"))
                        .build()));
        assertInvalid(
                "ttl_seconds: 18446744073709551615 (expected: at most 316224000)",
                () -> store.putArtifact(PutArtifactRequest.newBuilder()
                        .setTenant("a")
                        .setDigest(DIGEST)
                        .setTtlSeconds(-1)
                        .build()));
    }

    private static longreach.v1.GetArtifactResponse get(String tenant) {
        return store.getArtifact(GetArtifactRequest.newBuilder()
                .setTenant(tenant)
                .setDigest(DIGEST)
                .build());
    }

    private static void assertInvalid(String message, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(e.getStatus().getDescription()).isEqualTo(message);
        });
    }
}
