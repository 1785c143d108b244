package longreach.gateway.rest;

import com.google.protobuf.FieldMask;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Arrays;
import longreach.gateway.cache.CachedContents;
import longreach.gateway.config.GatewayProperties;
import longreach.gateway.error.ApiException;
import longreach.gateway.files.FileLibrary;
import longreach.gateway.interaction.Interactions;
import longreach.gemini.v1beta.CachedContent;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PatchMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * {@code cachedContents}: create, list, get, update and delete. Beside Gemini's methods, {@code
 * cachedContents/NAME:erase} deletes and counts, and {@code cachedContents:eraseAll} does so with everything that the
 * caller's key owns.
 */
@RestController
@RequestMapping("/{version:v1beta|v1|v1alpha}")
class CachedContentController {
    private static final String ERASE = ":erase";

    private final CachedContents contents;
    private final Interactions interactions;
    private final FileLibrary files;
    private final long maxBytes;

    CachedContentController(
            CachedContents contents, Interactions interactions, FileLibrary files, GatewayProperties properties) {
        this.contents = contents;
        this.interactions = interactions;
        this.files = files;
        maxBytes = properties.limits().request().toBytes();
    }

    @PostMapping("/cachedContents")
    void create(HttpServletRequest request, HttpServletResponse response) throws IOException {
        RestCall.within(request, () -> {
            var wanted = CachedContent.newBuilder();
            Json.read(request, maxBytes, wanted);
            answer(response, contents.create(wanted.build(), RestCall.tenant(request), Disconnects.watch(request)));
        });
    }

    @GetMapping("/cachedContents")
    void list(HttpServletRequest request, HttpServletResponse response) throws IOException {
        var page = contents.list(
                RestCall.tenant(request),
                RestCall.pageSize(request),
                RestCall.query(request, "pageToken", "page_token"));
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(page));
    }

    @GetMapping("/cachedContents/{id}")
    void get(@PathVariable("id") String id, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        answer(response, contents.get(RestCall.tenant(request), "cachedContents/" + id));
    }

    @PatchMapping("/cachedContents/{id}")
    void update(@PathVariable("id") String id, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        var wanted = CachedContent.newBuilder();
        Json.read(request, maxBytes, wanted);
        var mask = FieldMask.newBuilder()
                .addAllPaths(Arrays.stream(RestCall.query(request, "updateMask", "update_mask")
                                .split(","))
                        .map(String::strip)
                        .filter(path -> !path.isEmpty())
                        .toList())
                .build();
        answer(
                response,
                contents.update(
                        RestCall.tenant(request),
                        wanted.setName("cachedContents/" + id).build(),
                        mask));
    }

    @DeleteMapping("/cachedContents/{id}")
    void delete(@PathVariable("id") String id, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        contents.delete(RestCall.tenant(request), "cachedContents/" + id);
        RestCall.answer(response, HttpServletResponse.SC_OK, "{}");
    }

    @PostMapping("/cachedContents/{call}")
    void erase(@PathVariable("call") String call, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        if (!call.endsWith(ERASE)) {
            throw ApiException.notFound("cachedContents/ID: no such method (expected: :erase)");
        }
        var id = call.substring(0, call.length() - ERASE.length());
        erased(response, contents.delete(RestCall.tenant(request), "cachedContents/" + id), 0);
    }

    @PostMapping("/cachedContents:eraseAll")
    void eraseAll(HttpServletRequest request, HttpServletResponse response) throws IOException {
        try {
            interactions.forget(RestCall.tenant(request));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ApiException.cancelled("the request was stopped");
        }
        // Files first: while one is read, what is read of it goes to the store.
        int erasedFiles = files.eraseAll(RestCall.tenant(request));
        erased(response, contents.deleteAll(RestCall.tenant(request)), erasedFiles);
    }

    private static void erased(HttpServletResponse response, CachedContents.Erased erased, int files)
            throws IOException {
        RestCall.answer(
                response,
                HttpServletResponse.SC_OK,
                String.format(
                        "{\"files\":%d,\"chunks\":%d,\"records\":%d,\"remaining\":%d}",
                        files, erased.chunks(), erased.records(), erased.remaining()));
    }

    private static void answer(HttpServletResponse response, CachedContent content) throws IOException {
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(content));
    }
}
