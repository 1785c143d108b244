package longreach.gateway.rpc;

import com.google.protobuf.Empty;
import io.grpc.stub.StreamObserver;
import longreach.gateway.error.ApiException;
import longreach.gateway.files.FileLibrary;
import longreach.gemini.v1beta.CreateFileRequest;
import longreach.gemini.v1beta.CreateFileResponse;
import longreach.gemini.v1beta.DeleteFileRequest;
import longreach.gemini.v1beta.DownloadFileRequest;
import longreach.gemini.v1beta.DownloadFileResponse;
import longreach.gemini.v1beta.File;
import longreach.gemini.v1beta.FileServiceGrpc;
import longreach.gemini.v1beta.GetFileRequest;
import longreach.gemini.v1beta.ListFilesRequest;
import longreach.gemini.v1beta.ListFilesResponse;
import org.springframework.stereotype.Service;

/** FileService over gRPC. Bytes travel over HTTP, as with Gemini, so a file's uri here is its name. */
@Service
public final class FileRpc extends FileServiceGrpc.FileServiceImplBase {
    private final FileLibrary library;

    public FileRpc(FileLibrary library) {
        this.library = library;
    }

    @Override
    public void createFile(CreateFileRequest request, StreamObserver<CreateFileResponse> out) {
        Unary.answer(out, () -> {
            throw ApiException.unimplemented(
                    "CreateFile: carries no bytes (expected: POST /upload/v1beta/files over HTTP)");
        });
    }

    @Override
    public void listFiles(ListFilesRequest request, StreamObserver<ListFilesResponse> out) {
        Unary.answer(out, () -> {
            var page = library.list(KeyInterceptor.tenant(), request.getPageSize(), request.getPageToken());
            var named = ListFilesResponse.newBuilder().setNextPageToken(page.getNextPageToken());
            page.getFilesList().forEach(file -> named.addFiles(addressed(file)));
            return named.build();
        });
    }

    @Override
    public void getFile(GetFileRequest request, StreamObserver<File> out) {
        Unary.answer(out, () -> addressed(library.get(KeyInterceptor.tenant(), request.getName())));
    }

    @Override
    public void deleteFile(DeleteFileRequest request, StreamObserver<Empty> out) {
        Unary.answer(out, () -> {
            library.delete(KeyInterceptor.tenant(), request.getName());
            return Empty.getDefaultInstance();
        });
    }

    @Override
    public void downloadFile(DownloadFileRequest request, StreamObserver<DownloadFileResponse> out) {
        Unary.answer(out, () -> {
            throw ApiException.unimplemented(
                    "DownloadFile: carries no bytes (expected: GET /v1beta/files/NAME:download over HTTP)");
        });
    }

    private static File addressed(File file) {
        return file.toBuilder().setUri(file.getName()).build();
    }
}
