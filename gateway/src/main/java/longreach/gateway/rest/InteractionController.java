package longreach.gateway.rest;

import com.google.gson.JsonObject;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import longreach.gateway.call.Caller;
import longreach.gateway.config.GatewayProperties;
import longreach.gateway.error.ApiException;
import longreach.gateway.interaction.InteractionRequest;
import longreach.gateway.interaction.Interactions;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** {@code interactions}: create, get, resume, cancel and delete. */
@RestController
@RequestMapping("/{version:v1beta|v1|v1alpha}/interactions")
class InteractionController {
    private final Interactions interactions;
    private final long maxBytes;

    InteractionController(Interactions interactions, GatewayProperties properties) {
        this.interactions = interactions;
        maxBytes = properties.limits().request().toBytes();
    }

    @PostMapping
    void create(HttpServletRequest request, HttpServletResponse response) throws IOException {
        var wanted = InteractionRequest.parse(Json.readObject(request, maxBytes));
        RestCall.within(request, () -> {
            if (wanted.stream()) {
                stream(request, response, sink -> interactions.stream(wanted, RestCall.tenant(request), sink));
            } else {
                answer(response, interactions.create(wanted, RestCall.tenant(request), Disconnects.watch(request)));
            }
        });
    }

    @GetMapping("/{id}")
    void get(@PathVariable("id") String id, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        var lastEvent = RestCall.query(request, "last_event_id");
        if (!flag(request, "stream")) {
            if (!lastEvent.isEmpty()) {
                throw ApiException.badField("last_event_id", "set", "stream=true beside it");
            }
            answer(response, interactions.get(RestCall.tenant(request), id, flag(request, "include_input")));
            return;
        }
        stream(request, response, sink -> interactions.resume(RestCall.tenant(request), id, lastEvent, sink));
    }

    private static boolean flag(HttpServletRequest request, String name) {
        return RestCall.query(request, name).equalsIgnoreCase("true");
    }

    @PostMapping("/{id}/cancel")
    void cancel(@PathVariable("id") String id, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        interruptibly(() -> answer(response, interactions.cancel(RestCall.tenant(request), id)));
    }

    @DeleteMapping("/{id}")
    void delete(@PathVariable("id") String id, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        interruptibly(() -> {
            interactions.delete(RestCall.tenant(request), id);
            RestCall.answer(response, HttpServletResponse.SC_OK, "{}");
        });
    }

    private interface Work {
        void run() throws IOException, InterruptedException;
    }

    private interface Streaming {
        void to(Interactions.EventSink sink) throws InterruptedException;
    }

    private static void interruptibly(Work work) throws IOException {
        try {
            work.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ApiException.cancelled("the request was stopped");
        }
    }

    private static void stream(HttpServletRequest request, HttpServletResponse response, Streaming events)
            throws IOException {
        var out = new EventStream(response, EventStream.EVENTS);
        var caller = Disconnects.watch(request);
        interruptibly(() -> {
            events.to(new Sink(out, caller));
            out.event("[DONE]");
        });
    }

    private record Sink(EventStream out, Caller caller) implements Interactions.EventSink {
        @Override
        public void accept(JsonObject event) {
            out.event(Json.oneLine(event.toString()));
        }

        @Override
        public void checkStillThere() {
            caller.checkStillThere();
        }
    }

    private static void answer(HttpServletResponse response, JsonObject interaction) throws IOException {
        RestCall.answer(response, HttpServletResponse.SC_OK, Json.oneLine(interaction.toString()));
    }
}
