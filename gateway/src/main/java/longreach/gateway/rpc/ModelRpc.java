package longreach.gateway.rpc;

import io.grpc.stub.StreamObserver;
import longreach.gateway.models.Models;
import longreach.gemini.v1beta.GetModelRequest;
import longreach.gemini.v1beta.ListModelsRequest;
import longreach.gemini.v1beta.ListModelsResponse;
import longreach.gemini.v1beta.Model;
import longreach.gemini.v1beta.ModelServiceGrpc;
import org.springframework.stereotype.Service;

/** ModelService over gRPC. */
@Service
public final class ModelRpc extends ModelServiceGrpc.ModelServiceImplBase {
    private final Models models;

    public ModelRpc(Models models) {
        this.models = models;
    }

    @Override
    public void getModel(GetModelRequest request, StreamObserver<Model> out) {
        Unary.answer(out, () -> models.get(request.getName()));
    }

    @Override
    public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> out) {
        Unary.answer(out, () -> models.list(request.getPageSize(), request.getPageToken()));
    }
}
