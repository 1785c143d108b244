package longreach.gateway.rest;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import longreach.gateway.answer.Models;
import longreach.gateway.error.ApiException;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** {@code GET models}, {@code GET models/NAME}, and the cached contents that are not served yet. */
@RestController
@RequestMapping("/{version:v1beta|v1|v1alpha}")
class ModelController {
    private final Models models;

    ModelController(Models models) {
        this.models = models;
    }

    @GetMapping("/models")
    void list(HttpServletRequest request, HttpServletResponse response) throws IOException {
        var page = models.list(RestCall.pageSize(request), RestCall.query(request, "pageToken", "page_token"));
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(page));
    }

    @GetMapping("/models/{name}")
    void get(@PathVariable("name") String name, HttpServletResponse response) throws IOException {
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(Models.describe(models.find(name))));
    }

    @RequestMapping({"/cachedContents", "/cachedContents/{name}"})
    void cachedContents() {
        throw ApiException.unimplemented(
                "cachedContents: not served yet (prompts are cached without being asked; see the receipt)");
    }
}
