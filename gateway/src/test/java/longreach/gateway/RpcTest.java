package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import io.grpc.CallOptions;
import io.grpc.ClientInterceptors;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import longreach.gemini.v1beta.Content;
import longreach.gemini.v1beta.CountTokensRequest;
import longreach.gemini.v1beta.FileServiceGrpc;
import longreach.gemini.v1beta.GenerateAnswerRequest;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.GenerateContentResponse;
import longreach.gemini.v1beta.GenerationConfig;
import longreach.gemini.v1beta.GenerativeServiceGrpc;
import longreach.gemini.v1beta.GetFileRequest;
import longreach.gemini.v1beta.ListModelsRequest;
import longreach.gemini.v1beta.LongreachReceipt;
import longreach.gemini.v1beta.ModelServiceGrpc;
import longreach.gemini.v1beta.Part;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RpcTest {
    @TempDir
    static Path data;

    static FakeServices services;
    static RunningGateway gateway;
    static ManagedChannel channel;

    @BeforeAll
    static void start() throws Exception {
        services = new FakeServices();
        gateway = new RunningGateway(services, data, Map.of("gateway.api-key", "secret"));
        channel = Grpc.newChannelBuilder("127.0.0.1:" + gateway.grpcPort, InsecureChannelCredentials.create())
                .build();
    }

    @AfterAll
    static void stop() {
        channel.shutdownNow();
        gateway.close();
        services.close();
    }

    @BeforeEach
    void calm() {
        services.lmCore.prefillMillis = 0;
        services.lmCore.tokenMillis = 0;
    }

    private static io.grpc.Channel withKey() {
        var headers = new Metadata();
        headers.put(Metadata.Key.of("x-goog-api-key", Metadata.ASCII_STRING_MARSHALLER), "secret");
        return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
    }

    private static GenerateContentRequest ask(String text) {
        return GenerateContentRequest.newBuilder()
                .setModel("models/" + FakeLmCore.MODEL)
                .addContents(Content.newBuilder().addParts(Part.newBuilder().setText(text)))
                .build();
    }

    @Test
    void answersWithTheReceiptInTheTrailer() throws Exception {
        var trailers = new AtomicReference<Metadata>();
        var seeing = ClientInterceptors.intercept(
                withKey(), MetadataUtils.newCaptureMetadataInterceptor(new AtomicReference<>(), trailers));
        var answer = GenerativeServiceGrpc.newBlockingStub(seeing).generateContent(ask("over the wire"));
        assertThat(answer.getCandidates(0).getContent().getParts(0).getText()).isEqualTo("over the wire");
        var receipt = LongreachReceipt.parseFrom(
                trailers.get().get(Metadata.Key.of("x-longreach-receipt-bin", Metadata.BINARY_BYTE_MARSHALLER)));
        assertThat(receipt).isEqualTo(answer.getLongreachReceipt());
        assertThat(GenerativeServiceGrpc.newBlockingStub(withKey())
                        .countTokens(CountTokensRequest.newBuilder()
                                .setGenerateContentRequest(ask("over the wire"))
                                .build())
                        .getTotalTokens())
                .isEqualTo(answer.getUsageMetadata().getPromptTokenCount());
    }

    @Test
    void streams() {
        var pieces = new ArrayList<GenerateContentResponse>();
        GenerativeServiceGrpc.newBlockingStub(withKey())
                .streamGenerateContent(ask("a b c"))
                .forEachRemaining(pieces::add);
        assertThat(pieces).hasSize(4);
        assertThat(pieces.getLast().hasLongreachReceipt()).isTrue();
    }

    @Test
    void errorsCarryStatusAndDetails() {
        assertThatThrownBy(() -> GenerativeServiceGrpc.newBlockingStub(channel).generateContent(ask("x")))
                .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
                    var details = StatusProto.fromThrowable(e).getDetailsList();
                    assertThat(details).anyMatch((Any each) -> each.is(ErrorInfo.class));
                });
        var bad = ask("x").toBuilder()
                .setGenerationConfig(GenerationConfig.newBuilder().setTopP(1.4f))
                .build();
        assertThatThrownBy(
                        () -> GenerativeServiceGrpc.newBlockingStub(withKey()).generateContent(bad))
                .hasMessageContaining("generationConfig.topP: 1.4 (expected: 0 < topP <= 1)");
        assertThatThrownBy(() -> FileServiceGrpc.newBlockingStub(withKey())
                        .getFile(GetFileRequest.newBuilder()
                                .setName("files/none")
                                .build()))
                .hasMessageContaining("NOT_FOUND");
        assertThatThrownBy(() -> GenerativeServiceGrpc.newBlockingStub(withKey())
                        .generateAnswer(GenerateAnswerRequest.getDefaultInstance()))
                .hasMessageContaining("UNIMPLEMENTED");
    }

    /** Each is no GenerateContentRequest: a length beyond the end, a group that is not closed, a bad UTF-8 text. */
    @ParameterizedTest
    @ValueSource(strings = {"0aff01", "0b", "0a02c328", "ffffffffffffffffffff01"})
    void bytesThatAreNoMessageAreRefused(String hex) {
        for (var generated : List.of(
                GenerativeServiceGrpc.getGenerateContentMethod(),
                GenerativeServiceGrpc.getStreamGenerateContentMethod())) {
            var raw = generated.toBuilder(new Bytes(), generated.getResponseMarshaller())
                    .build();
            assertThatThrownBy(() -> ClientCalls.blockingServerStreamingCall(
                                    withKey(),
                                    raw,
                                    CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.MINUTES),
                                    HexFormat.of().parseHex(hex))
                            .next())
                    .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
                        assertThat(e.getStatus().getDescription()).contains("expected: a ");
                        assertThat(e.getTrailers()
                                        .get(Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER)))
                                .isNotNull();
                    });
        }
    }

    private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            throw new UnsupportedOperationException("requests alone");
        }
    }

    @Test
    void cancellingFreesTheModelAtOnce() throws Exception {
        services.lmCore.prefillMillis = 20_000;
        int opened = services.lmCore.opened.size();
        int before = services.lmCore.cancelled.get();
        var call = GenerativeServiceGrpc.newFutureStub(withKey()).generateContent(ask("never mind"));
        Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> services.lmCore.opened.size() > opened);
        call.cancel(true);
        Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> services.lmCore.cancelled.get() > before);
    }

    @Test
    void deadlinesTravelOn() {
        services.lmCore.prefillMillis = 20_000;
        int before = services.lmCore.cancelled.get();
        assertThatThrownBy(() -> GenerativeServiceGrpc.newBlockingStub(withKey())
                        .withDeadlineAfter(3, TimeUnit.SECONDS)
                        .streamGenerateContent(ask("too slow"))
                        .next())
                .hasMessageContaining("DEADLINE_EXCEEDED");
        Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> services.lmCore.cancelled.get() > before);
    }

    @Test
    void healthAndModelsAnswer() {
        assertThat(HealthGrpc.newBlockingStub(channel)
                        .check(HealthCheckRequest.getDefaultInstance())
                        .getStatus())
                .isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
        assertThat(ModelServiceGrpc.newBlockingStub(withKey())
                        .listModels(ListModelsRequest.getDefaultInstance())
                        .getModels(0)
                        .getName())
                .isEqualTo("models/" + FakeLmCore.MODEL);
    }
}
