package longreach.gateway.rest;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import longreach.gateway.models.Models;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** {@code GET models} and {@code GET models/NAME}. */
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
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.print(models.get(name)));
    }
}
