package longreach.gateway.rest;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import longreach.gateway.error.ApiException;
import longreach.gateway.error.ErrorMapper;
import longreach.gateway.files.Uploads;
import longreach.gemini.v1beta.CreateFileRequest;
import longreach.gemini.v1beta.CreateFileResponse;
import longreach.gemini.v1beta.File;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.bind.annotation.RestController;

/** The upload protocols: resumable in chunks, multipart with the metadata before the bytes, and the bytes alone. */
@RestController
@RequestMapping("/upload/{version:v1beta|v1|v1alpha}/files")
class UploadController {
    static final String UPLOAD_ID = "upload_id";
    private static final String STATUS = "X-Goog-Upload-Status";
    private static final String RECEIVED = "X-Goog-Upload-Size-Received";
    /** A file's metadata is a few names. */
    private static final int MAX_META_BYTES = 64 << 10;

    private final Uploads uploads;

    UploadController(Uploads uploads) {
        this.uploads = uploads;
    }

    @RequestMapping(method = {RequestMethod.POST, RequestMethod.PUT})
    void upload(@PathVariable("version") String version, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        var id = RestCall.query(request, UPLOAD_ID);
        if (!id.isEmpty()) {
            resume(id, version, request, response);
            return;
        }
        switch (protocol(request)) {
            case "resumable" -> start(version, request, response);
            case "multipart" -> multipart(version, request, response);
            default -> raw(version, request, response);
        }
    }

    private static String protocol(HttpServletRequest request) {
        var header = request.getHeader("X-Goog-Upload-Protocol");
        if (header != null) {
            return header.strip().toLowerCase(Locale.ROOT);
        }
        var type = RestCall.query(request, "uploadType");
        if (!type.isEmpty()) {
            return type;
        }
        var content = request.getContentType();
        return content != null && content.toLowerCase(Locale.ROOT).startsWith("multipart/") ? "multipart" : "raw";
    }

    private void start(String version, HttpServletRequest request, HttpServletResponse response) throws IOException {
        var commands = commands(request);
        if (!commands.contains("start")) {
            throw ApiException.badField("X-Goog-Upload-Command", commands, "start, on a request without upload_id");
        }
        var wanted = metadata(request.getInputStream().readNBytes(MAX_META_BYTES + 1)).toBuilder();
        var length = number(request, "X-Goog-Upload-Header-Content-Length");
        if (length > 0) {
            wanted.setSizeBytes(length);
        }
        name(wanted, request);
        var id = uploads.start(
                RestCall.tenant(request), wanted.build(), header(request, "X-Goog-Upload-Header-Content-Type"));
        response.setHeader(
                "X-Goog-Upload-URL",
                FileController.base(request) + "/upload/" + version + "/files?" + UPLOAD_ID + "=" + id
                        + "&upload_protocol=resumable");
        response.setHeader("X-Goog-Upload-Chunk-Granularity", "1");
        response.setHeader(STATUS, "active");
        RestCall.answer(response, HttpServletResponse.SC_OK, "{}");
    }

    private void resume(String id, String version, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        var commands = commands(request);
        try {
            if (commands.contains("cancel")) {
                uploads.cancel(id);
                response.setHeader(STATUS, "cancelled");
                RestCall.answer(response, HttpServletResponse.SC_OK, "{}");
                return;
            }
            boolean last = commands.contains("finalize");
            if (!last && !commands.contains("upload") && !commands.contains("query")) {
                throw ApiException.badField(
                        "X-Goog-Upload-Command", commands, "upload, finalize, upload and finalize, query or cancel");
            }
            var progress = commands.contains("query")
                    ? uploads.query(id)
                    : uploads.append(id, number(request, "X-Goog-Upload-Offset"), request.getInputStream(), last);
            response.setHeader(STATUS, progress.isFinal() ? "final" : "active");
            response.setHeader(RECEIVED, Long.toString(progress.received()));
            RestCall.answer(
                    response,
                    HttpServletResponse.SC_OK,
                    progress.isFinal() ? created(progress.done(), request, version) : "{}");
        } catch (ApiException e) {
            // Clients read the status of an upload even from an error.
            var status = ErrorMapper.toStatus(e);
            response.setHeader(STATUS, "active");
            RestCall.answer(response, ErrorMapper.httpCode(status), ErrorMapper.toJson(status));
        }
    }

    private static List<String> commands(HttpServletRequest request) {
        return Arrays.stream(header(request, "X-Goog-Upload-Command").split(","))
                .map(each -> each.strip().toLowerCase(Locale.ROOT))
                .filter(each -> !each.isEmpty())
                .toList();
    }

    private void raw(String version, HttpServletRequest request, HttpServletResponse response) throws IOException {
        var wanted = File.newBuilder();
        name(wanted, request);
        if (request.getContentLengthLong() > 0) {
            wanted.setSizeBytes(request.getContentLengthLong());
        }
        var file = uploads.whole(
                RestCall.tenant(request), wanted.build(), header(request, "Content-Type"), request.getInputStream());
        response.setHeader(STATUS, "final");
        RestCall.answer(response, HttpServletResponse.SC_OK, created(file, request, version));
    }

    private void multipart(String version, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        var parts = new MultipartBody(request.getInputStream(), header(request, "Content-Type"));
        var first = parts.next();
        var wanted = File.newBuilder();
        var media = first;
        if (first.type().startsWith("application/json")) {
            wanted.mergeFrom(metadata(first.body().readNBytes(MAX_META_BYTES + 1)));
            media = parts.next();
        }
        name(wanted, request);
        var file = uploads.whole(RestCall.tenant(request), wanted.build(), media.type(), media.body());
        response.setHeader(STATUS, "final");
        RestCall.answer(response, HttpServletResponse.SC_OK, created(file, request, version));
    }

    /** Only what a caller may choose; everything else of the message is the server's to say. */
    private static File metadata(byte[] json) {
        if (json.length > MAX_META_BYTES) {
            throw ApiException.badField(
                    "file metadata", "more than " + MAX_META_BYTES + " bytes", "a short JSON object");
        }
        var text = new String(json, StandardCharsets.UTF_8);
        if (text.isBlank()) {
            return File.getDefaultInstance();
        }
        var request = CreateFileRequest.newBuilder();
        Json.parse(text, request);
        return File.newBuilder()
                .setName(request.getFile().getName())
                .setDisplayName(request.getFile().getDisplayName())
                .setMimeType(request.getFile().getMimeType())
                .setSizeBytes(request.getFile().getSizeBytes())
                .build();
    }

    private static void name(File.Builder wanted, HttpServletRequest request) {
        var name = header(request, "X-Goog-Upload-File-Name");
        if (wanted.getDisplayName().isEmpty() && !name.isEmpty()) {
            try {
                wanted.setDisplayName(URLDecoder.decode(name.replace("+", "%2B"), StandardCharsets.UTF_8));
            } catch (IllegalArgumentException e) {
                wanted.setDisplayName(name);
            }
        }
    }

    private static String created(File file, HttpServletRequest request, String version) {
        return Json.print(CreateFileResponse.newBuilder()
                .setFile(FileController.addressed(file, request, version))
                .build());
    }

    private static String header(HttpServletRequest request, String name) {
        var value = request.getHeader(name);
        return value == null ? "" : value;
    }

    /** -1 where the header is missing. */
    private static long number(HttpServletRequest request, String name) {
        var value = header(request, name).strip();
        if (value.isEmpty()) {
            return -1;
        }
        try {
            long number = Long.parseLong(value);
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            throw ApiException.badField(name, value.length() > 20 ? "too long" : value, "a number of bytes");
        }
        throw ApiException.badField(name, value, "a number of bytes");
    }
}
