package longreach.gateway;

import io.grpc.stub.StreamObserver;
import longreach.v1.DescribeEmbedderRequest;
import longreach.v1.EmbedRequest;
import longreach.v1.EmbedResponse;
import longreach.v1.EmbedderDescription;
import longreach.v1.EmbedderGrpc;
import longreach.v1.Embedding;

/** Embeds a text as (its letters, its spaces, 1, 0), brought to length 1. */
final class FakeEmbedder extends EmbedderGrpc.EmbedderImplBase {
    static final String MODEL = "letters-and-spaces";

    @Override
    public void describeEmbedder(DescribeEmbedderRequest request, StreamObserver<EmbedderDescription> out) {
        out.onNext(EmbedderDescription.newBuilder()
                .setName(MODEL)
                .setDimensions(4)
                .setMaxTokens(100)
                .build());
        out.onCompleted();
    }

    @Override
    public void embed(EmbedRequest request, StreamObserver<EmbedResponse> out) {
        var response = EmbedResponse.newBuilder();
        for (var text : request.getTextsList()) {
            double letters = text.chars().filter(Character::isLetter).count();
            double spaces = text.chars().filter(Character::isWhitespace).count();
            double length = Math.sqrt(letters * letters + spaces * spaces + 1);
            response.addEmbeddings(Embedding.newBuilder()
                    .addValues((float) (letters / length))
                    .addValues((float) (spaces / length))
                    .addValues((float) (1 / length))
                    .addValues(0)
                    .setTokens((int) spaces + 3));
        }
        out.onNext(response.build());
        out.onCompleted();
    }
}
