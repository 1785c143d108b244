package longreach.gateway.rest;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.http.CacheControl;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * The page that people try the service with: fixed files from the class path, without a key. The page itself calls the
 * API as any client does, with the key that the person gives it.
 */
@RestController
class PlaygroundController {
    private static final Map<String, String> TYPES = Map.of(
            "index.html", "text/html;charset=UTF-8",
            "playground.css", "text/css;charset=UTF-8",
            "app.js", "text/javascript;charset=UTF-8",
            "api.js", "text/javascript;charset=UTF-8",
            "code.js", "text/javascript;charset=UTF-8",
            "dom.js", "text/javascript;charset=UTF-8",
            "shelf.js", "text/javascript;charset=UTF-8",
            "talk.js", "text/javascript;charset=UTF-8",
            "viewer.js", "text/javascript;charset=UTF-8");

    // Nothing but the page's own files runs; media come as blobs that the page has fetched itself.
    private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            + "img-src 'self' blob: data:; media-src blob:; frame-src blob:; object-src blob:; base-uri 'none'; "
            + "form-action 'none'; frame-ancestors 'none'";

    private final Map<String, byte[]> files = new TreeMap<>();

    PlaygroundController() throws IOException {
        for (String name : TYPES.keySet()) {
            try (InputStream in = PlaygroundController.class.getResourceAsStream("/playground/" + name)) {
                if (in == null) {
                    throw new IllegalStateException("/playground/" + name + ": not on the class path");
                }
                files.put(name, in.readAllBytes());
            }
        }
    }

    @GetMapping("/")
    ResponseEntity<byte[]> index() {
        return file("index.html");
    }

    @GetMapping({"/playground.css", "/app.js", "/api.js", "/code.js", "/dom.js", "/shelf.js", "/talk.js", "/viewer.js"})
    ResponseEntity<byte[]> part(jakarta.servlet.http.HttpServletRequest request) {
        return file(request.getRequestURI().substring(1));
    }

    private ResponseEntity<byte[]> file(String name) {
        return ResponseEntity.ok()
                .header("Content-Type", TYPES.get(name))
                .header("Content-Security-Policy", POLICY)
                .header("X-Content-Type-Options", "nosniff")
                .header("Referrer-Policy", "no-referrer")
                .cacheControl(CacheControl.noCache())
                .body(files.get(name));
    }
}
