package longreach.gateway.interaction;

import java.util.regex.Pattern;
import longreach.gateway.error.ApiException;

/**
 * A place in the stream of an interaction's events, and the id of the event that ends there. It says how much of the
 * interaction a reader has, so any server that knows the interaction can go on from it: no events are kept.
 *
 * @param step which step; -1: before the first
 * @param phase what of the step came last
 * @param chars of its text that came
 */
record EventPosition(int step, Phase phase, int chars) {
    /** In the order in which they come. */
    enum Phase {
        CREATED,
        IN_PROGRESS,
        START,
        TEXT,
        CITED,
        STOP,
        END
    }

    static final EventPosition NOTHING = new EventPosition(-2, Phase.CREATED, 0);
    static final EventPosition CREATED = new EventPosition(-1, Phase.CREATED, 0);
    static final EventPosition IN_PROGRESS = new EventPosition(-1, Phase.IN_PROGRESS, 0);
    static final EventPosition END = new EventPosition(Integer.MAX_VALUE, Phase.END, 0);

    private static final Pattern STEP = Pattern.compile("(start|text|cited|stop)-(\\d{1,6})-(\\d{1,9})");

    String id() {
        return switch (phase) {
            case CREATED, IN_PROGRESS, END -> phase.name().toLowerCase(java.util.Locale.ROOT);
            case START, TEXT, CITED, STOP -> phase.name().toLowerCase(java.util.Locale.ROOT) + "-" + step + "-" + chars;
        };
    }

    /** @throws ApiException INVALID_ARGUMENT */
    static EventPosition of(String id) {
        switch (id) {
            case "created" -> {
                return CREATED;
            }
            case "in_progress" -> {
                return IN_PROGRESS;
            }
            case "end" -> {
                return END;
            }
            default -> {}
        }
        var match = STEP.matcher(id);
        if (!match.matches()) {
            throw ApiException.badField(
                    "last_event_id", InteractionRequest.shorten(id), "the event_id of an event of this interaction");
        }
        return new EventPosition(
                Integer.parseInt(match.group(2)),
                Phase.valueOf(match.group(1).toUpperCase(java.util.Locale.ROOT)),
                Integer.parseInt(match.group(3)));
    }
}
