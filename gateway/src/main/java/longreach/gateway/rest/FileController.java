package longreach.gateway.rest;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.file.Files;
import longreach.gateway.error.ApiException;
import longreach.gateway.files.FileLibrary;
import longreach.gemini.v1beta.File;
import longreach.gemini.v1beta.ListFilesResponse;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** {@code files}: list, get, delete, download. Uploading has its own controller. */
@RestController
@RequestMapping("/{version:v1beta|v1|v1alpha}/files")
class FileController {
    private static final String DOWNLOAD = ":download";

    private final FileLibrary library;

    FileController(FileLibrary library) {
        this.library = library;
    }

    @GetMapping
    void list(@PathVariable("version") String version, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        var page = library.list(
                RestCall.tenant(request),
                RestCall.pageSize(request),
                RestCall.query(request, "pageToken", "page_token"));
        var out = ListFilesResponse.newBuilder().setNextPageToken(page.getNextPageToken());
        page.getFilesList().forEach(file -> out.addFiles(addressed(file, request, version)));
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(out.build()));
    }

    @GetMapping("/{name}")
    void get(
            @PathVariable("version") String version,
            @PathVariable("name") String name,
            HttpServletRequest request,
            HttpServletResponse response)
            throws IOException {
        if (name.endsWith(DOWNLOAD)) {
            download("files/" + name.substring(0, name.length() - DOWNLOAD.length()), request, response);
            return;
        }
        var file = library.get(RestCall.tenant(request), "files/" + name);
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(addressed(file, request, version)));
    }

    private void download(String name, HttpServletRequest request, HttpServletResponse response) throws IOException {
        var tenant = RestCall.tenant(request);
        var file = library.get(tenant, name);
        response.setContentType(file.getMimeType());
        response.setContentLengthLong(file.getSizeBytes());
        // Uploaded pages and images are never run or shown as this server's own.
        response.setHeader("Content-Disposition", "attachment");
        response.setHeader("X-Content-Type-Options", "nosniff");
        Files.copy(library.content(tenant, name), response.getOutputStream());
    }

    @DeleteMapping("/{name}")
    void delete(@PathVariable("name") String name, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        library.delete(RestCall.tenant(request), "files/" + name);
        RestCall.answer(response, HttpServletResponse.SC_OK, "{}");
    }

    @PostMapping
    void create() {
        throw ApiException.invalid(
                "POST files: no bytes (expected: POST /upload/v1beta/files, resumable, multipart or raw)");
    }

    /** With the addresses that this server has for the caller. */
    static File addressed(File file, HttpServletRequest request, String version) {
        var uri = base(request) + "/" + version + "/" + file.getName();
        return file.toBuilder()
                .setUri(uri)
                .setDownloadUri(uri + DOWNLOAD + "?alt=media")
                .build();
    }

    /** Scheme, host and port as the caller sees them, proxies included. */
    static String base(HttpServletRequest request) {
        var url = request.getRequestURL();
        return url.substring(0, url.length() - request.getRequestURI().length()) + request.getContextPath();
    }
}
