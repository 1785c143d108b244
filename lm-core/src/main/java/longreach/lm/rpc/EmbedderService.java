package longreach.lm.rpc;

import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import longreach.lm.embed.SentenceEncoder;
import longreach.lm.engine.EngineException;
import longreach.v1.DescribeEmbedderRequest;
import longreach.v1.EmbedRequest;
import longreach.v1.EmbedResponse;
import longreach.v1.EmbedderDescription;
import longreach.v1.EmbedderGrpc;
import longreach.v1.Embedding;

/** {@code longreach.v1.Embedder} over the sentence encoder. */
final class EmbedderService extends EmbedderGrpc.EmbedderImplBase {
    private static final int MAX_TEXTS = 1000;

    private final SentenceEncoder encoder;

    EmbedderService(SentenceEncoder encoder) {
        this.encoder = encoder;
    }

    @Override
    public void describeEmbedder(DescribeEmbedderRequest request, StreamObserver<EmbedderDescription> out) {
        out.onNext(EmbedderDescription.newBuilder()
                .setName(SentenceEncoder.NAME)
                .setDisplayName("all-MiniLM-L6-v2")
                .setDescription("Sentence embeddings, 22 million parameters in 8 bits, English.")
                .setDimensions(SentenceEncoder.DIMENSIONS)
                .setMaxTokens(SentenceEncoder.MAX_TOKENS)
                .build());
        out.onCompleted();
    }

    @Override
    public void embed(EmbedRequest request, StreamObserver<EmbedResponse> out) {
        try {
            if (request.getTextsCount() > MAX_TEXTS) {
                throw new EngineException.InvalidRequest(
                        "texts: " + request.getTextsCount() + " (expected: at most " + MAX_TEXTS + ")");
            }
            var response = EmbedResponse.newBuilder();
            for (String text : request.getTextsList()) {
                if (Context.current().isCancelled()) {
                    throw new EngineException.Cancelled();
                }
                var embedded = encoder.embedding(text);
                var values = Embedding.newBuilder().setTokens(embedded.tokens());
                for (float value : embedded.values()) {
                    values.addValues(value);
                }
                response.addEmbeddings(values);
            }
            out.onNext(response.build());
        } catch (Throwable e) {
            // An Error too: what is thrown out of a handler ends its call without a reason, and is told nowhere.
            out.onError(StatusMapper.toStatus(e));
            return;
        }
        out.onCompleted();
    }
}
