package longreach.gateway.rest;

import com.google.protobuf.Message;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Set;
import longreach.gateway.answer.Answering;
import longreach.gateway.config.GatewayProperties;
import longreach.gateway.embed.Embeddings;
import longreach.gateway.error.ApiException;
import longreach.gemini.v1beta.BatchEmbedContentsRequest;
import longreach.gemini.v1beta.CountTokensRequest;
import longreach.gemini.v1beta.EmbedContentRequest;
import longreach.gemini.v1beta.GenerateContentRequest;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** {@code POST models/NAME:METHOD}. */
@RestController
@RequestMapping("/{version:v1beta|v1|v1alpha}")
class ContentController {
    private static final Set<String> NOT_YET = Set.of("batchGenerateContent", "asyncBatchEmbedContent");

    private final Answering answering;
    private final Embeddings embeddings;
    private final long maxBytes;

    ContentController(Answering answering, Embeddings embeddings, GatewayProperties properties) {
        this.answering = answering;
        this.embeddings = embeddings;
        maxBytes = properties.limits().request().toBytes();
    }

    @PostMapping("/models/{call}")
    void call(@PathVariable("call") String call, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        int colon = call.lastIndexOf(':');
        var model = colon < 0 ? call : call.substring(0, colon);
        var method = colon < 0 ? "" : call.substring(colon + 1);
        RestCall.within(request, () -> {
            switch (method) {
                case "generateContent" -> generate(model, request, response);
                case "streamGenerateContent" -> stream(model, request, response);
                case "countTokens" -> count(model, request, response);
                case "embedContent" -> embed(model, request, response);
                case "batchEmbedContents" -> embedBatch(model, request, response);
                default -> throw unknown(method);
            }
        });
    }

    private void embed(String model, HttpServletRequest request, HttpServletResponse response) throws IOException {
        var proto = EmbedContentRequest.newBuilder();
        Json.read(request, maxBytes, proto);
        var embedded = embeddings.embed(proto.setModel("models/" + model).build(), RestCall.tenant(request));
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(embedded));
    }

    private void embedBatch(String model, HttpServletRequest request, HttpServletResponse response) throws IOException {
        var proto = BatchEmbedContentsRequest.newBuilder();
        Json.read(request, maxBytes, proto);
        var embedded = embeddings.embed(proto.setModel("models/" + model).build(), RestCall.tenant(request));
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(embedded));
    }

    private static ApiException unknown(String method) {
        return NOT_YET.contains(method)
                ? ApiException.unimplemented(method + ": not served yet (expected: generateContent,"
                        + " streamGenerateContent, countTokens, embedContent or batchEmbedContents)")
                : ApiException.notFound("models/NAME:" + (method.length() > 60 ? "..." : method)
                        + ": no such method (expected: generateContent, streamGenerateContent,"
                        + " countTokens, embedContent or batchEmbedContents)");
    }

    private void generate(String model, HttpServletRequest request, HttpServletResponse response) throws IOException {
        var answer = answering.answer(read(model, request), RestCall.tenant(request), Disconnects.watch(request));
        ReceiptHeader.set(response, answer.getLongreachReceipt());
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(answer));
    }

    private void stream(String model, HttpServletRequest request, HttpServletResponse response) throws IOException {
        boolean events = RestCall.query(request, "alt").equals("sse");
        var proto = read(model, request);
        var sink = new StreamSink(response, Disconnects.watch(request), events);
        try {
            answering.stream(proto, RestCall.tenant(request), sink);
            sink.end();
        } catch (RuntimeException | Error e) {
            if (!sink.begun()) {
                throw e;
            }
            sink.fail(e);
        }
    }

    private void count(String model, HttpServletRequest request, HttpServletResponse response) throws IOException {
        var proto = CountTokensRequest.newBuilder();
        Json.read(request, maxBytes, proto);
        proto.setModel("models/" + model);
        if (proto.hasGenerateContentRequest()) {
            proto.getGenerateContentRequestBuilder().setModel("models/" + model);
        }
        Message counted = answering.count(proto.build(), RestCall.tenant(request), Disconnects.watch(request));
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(counted));
    }

    /** The path names the model, whatever the body says. */
    private GenerateContentRequest read(String model, HttpServletRequest request) throws IOException {
        var proto = GenerateContentRequest.newBuilder();
        Json.read(request, maxBytes, proto);
        return proto.setModel("models/" + model).build();
    }
}
