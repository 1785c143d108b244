package longreach.gateway.rpc;

import com.google.protobuf.Empty;
import io.grpc.stub.StreamObserver;
import longreach.gateway.error.ApiException;
import longreach.gemini.v1beta.CacheServiceGrpc;
import longreach.gemini.v1beta.CachedContent;
import longreach.gemini.v1beta.CreateCachedContentRequest;
import longreach.gemini.v1beta.DeleteCachedContentRequest;
import longreach.gemini.v1beta.GetCachedContentRequest;
import longreach.gemini.v1beta.ListCachedContentsRequest;
import longreach.gemini.v1beta.ListCachedContentsResponse;
import longreach.gemini.v1beta.UpdateCachedContentRequest;
import org.springframework.stereotype.Service;

/** CacheService: explicit caches are not served yet, and every call says so. */
@Service
public final class CacheRpc extends CacheServiceGrpc.CacheServiceImplBase {
    @Override
    public void listCachedContents(ListCachedContentsRequest request, StreamObserver<ListCachedContentsResponse> out) {
        refuse(out);
    }

    @Override
    public void createCachedContent(CreateCachedContentRequest request, StreamObserver<CachedContent> out) {
        refuse(out);
    }

    @Override
    public void getCachedContent(GetCachedContentRequest request, StreamObserver<CachedContent> out) {
        refuse(out);
    }

    @Override
    public void updateCachedContent(UpdateCachedContentRequest request, StreamObserver<CachedContent> out) {
        refuse(out);
    }

    @Override
    public void deleteCachedContent(DeleteCachedContentRequest request, StreamObserver<Empty> out) {
        refuse(out);
    }

    private static <T> void refuse(StreamObserver<T> out) {
        Unary.answer(out, () -> {
            throw ApiException.unimplemented(
                    "cachedContents: not served yet (prompts are cached without being asked; see the receipt)");
        });
    }
}
