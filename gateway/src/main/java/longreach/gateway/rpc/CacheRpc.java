package longreach.gateway.rpc;

import com.google.protobuf.Empty;
import io.grpc.stub.StreamObserver;
import longreach.gateway.cache.CachedContents;
import longreach.gemini.v1beta.CacheServiceGrpc;
import longreach.gemini.v1beta.CachedContent;
import longreach.gemini.v1beta.CreateCachedContentRequest;
import longreach.gemini.v1beta.DeleteCachedContentRequest;
import longreach.gemini.v1beta.GetCachedContentRequest;
import longreach.gemini.v1beta.ListCachedContentsRequest;
import longreach.gemini.v1beta.ListCachedContentsResponse;
import longreach.gemini.v1beta.UpdateCachedContentRequest;
import org.springframework.stereotype.Service;

/** CacheService over gRPC. */
@Service
public final class CacheRpc extends CacheServiceGrpc.CacheServiceImplBase {
    private final CachedContents contents;

    public CacheRpc(CachedContents contents) {
        this.contents = contents;
    }

    @Override
    public void listCachedContents(ListCachedContentsRequest request, StreamObserver<ListCachedContentsResponse> out) {
        Unary.answer(out, () -> contents.list(KeyInterceptor.tenant(), request.getPageSize(), request.getPageToken()));
    }

    @Override
    public void createCachedContent(CreateCachedContentRequest request, StreamObserver<CachedContent> out) {
        Unary.answer(
                out,
                () -> contents.create(
                        request.getCachedContent(), KeyInterceptor.tenant(), GenerativeRpc::checkContext));
    }

    @Override
    public void getCachedContent(GetCachedContentRequest request, StreamObserver<CachedContent> out) {
        Unary.answer(out, () -> contents.get(KeyInterceptor.tenant(), request.getName()));
    }

    @Override
    public void updateCachedContent(UpdateCachedContentRequest request, StreamObserver<CachedContent> out) {
        Unary.answer(
                out,
                () -> contents.update(KeyInterceptor.tenant(), request.getCachedContent(), request.getUpdateMask()));
    }

    @Override
    public void deleteCachedContent(DeleteCachedContentRequest request, StreamObserver<Empty> out) {
        Unary.answer(out, () -> {
            contents.delete(KeyInterceptor.tenant(), request.getName());
            return Empty.getDefaultInstance();
        });
    }
}
