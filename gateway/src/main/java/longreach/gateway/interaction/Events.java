package longreach.gateway.interaction;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import longreach.gateway.interaction.EventPosition.Phase;
import longreach.v1.InteractionStep;
import longreach.v1.StoredInteraction;

/** The events that a reader of an interaction has not had yet. They follow from what is known of it alone. */
final class Events {
    private final StoredInteraction now;
    private final List<JsonObject> events = new ArrayList<>();
    private EventPosition at;

    private Events(StoredInteraction now, EventPosition from) {
        this.now = now;
        at = from;
    }

    /** @param at where the reader stands after them */
    record Batch(List<JsonObject> events, EventPosition at) {}

    static Batch after(EventPosition from, StoredInteraction now) {
        var events = new Events(now, from);
        events.collect();
        return new Batch(events.events, events.at);
    }

    static boolean ended(StoredInteraction interaction) {
        return interaction.getStatus() != StoredInteraction.Status.IN_PROGRESS;
    }

    private void collect() {
        if (at.step() < -1) {
            var created = event("interaction.created");
            created.add("interaction", InteractionJson.begun(now));
            emit(created, EventPosition.CREATED);
        }
        if (at.equals(EventPosition.CREATED)) {
            emit(status("in_progress"), EventPosition.IN_PROGRESS);
        }
        if (at.phase() == Phase.END) {
            return;
        }
        boolean fresh = at.step() < 0 || at.phase() == Phase.STOP;
        for (int i = at.step() < 0 ? 0 : fresh ? at.step() + 1 : at.step(); i < now.getStepsCount(); i++) {
            step(now.getSteps(i), i);
        }
        if (ended(now)) {
            end();
        }
    }

    private void step(InteractionStep step, int index) {
        boolean inside = at.step() == index;
        if (!inside) {
            var start = event("step.start");
            start.addProperty("index", index);
            start.add("step", InteractionJson.start(step));
            emit(start, new EventPosition(index, Phase.START, 0));
        }
        var text = InteractionJson.text(step);
        int had = Math.min(at.chars(), text.length());
        if (at.phase().compareTo(Phase.TEXT) <= 0 && had < text.length()) {
            delta(InteractionJson.delta(step, text.substring(had)), index, Phase.TEXT, text.length());
        }
        if (step.getOpen()) {
            return;
        }
        if (at.phase().compareTo(Phase.CITED) < 0 && step.getOutput().getCitationsCount() > 0) {
            delta(InteractionJson.citations(step), index, Phase.CITED, text.length());
        }
        var stop = event("step.stop");
        stop.addProperty("index", index);
        emit(stop, new EventPosition(index, Phase.STOP, text.length()));
    }

    private void delta(JsonObject delta, int index, Phase phase, int chars) {
        var event = event("step.delta");
        event.addProperty("index", index);
        event.add("delta", delta);
        emit(event, new EventPosition(index, phase, chars));
    }

    private void end() {
        if (now.getStatus() == StoredInteraction.Status.FAILED) {
            var failed = event("error");
            failed.add("error", InteractionJson.error(now));
            emit(failed, EventPosition.END);
            return;
        }
        var completed = event("interaction.completed");
        var whole = InteractionJson.whole(now, false);
        // They have all been sent.
        whole.add("steps", new JsonArray());
        completed.add("interaction", whole);
        emit(completed, EventPosition.END);
    }

    private JsonObject status(String status) {
        var event = event("interaction.status_update");
        event.addProperty("interaction_id", now.getId());
        event.addProperty("status", status);
        return event;
    }

    private static JsonObject event(String type) {
        var event = new JsonObject();
        event.addProperty("event_type", type);
        return event;
    }

    private void emit(JsonObject event, EventPosition position) {
        event.addProperty("event_id", position.id());
        events.add(event);
        at = position;
    }
}
