package longreach.lm.engine;

/**
 * Follows an answer through its thoughts: they begin with the marker, as its first token or in the prompt, and end with
 * the other one, which is forced when the budget is spent.
 */
final class Thoughts {
    private enum Place {
        BEFORE,
        INSIDE,
        BEHIND
    }

    private final AnswerForm.Thinking thinking;
    private Place place;
    private int tokens;

    /** @param thinking null: there are none */
    Thoughts(AnswerForm.Thinking thinking) {
        this.thinking = thinking;
        place = thinking == null ? Place.BEHIND : thinking.inside() ? Place.INSIDE : Place.BEFORE;
    }

    /** The token that must come now, or -1. */
    int forced() {
        return place == Place.INSIDE && tokens >= thinking.budget()
                ? thinking.markers().close()
                : -1;
    }

    boolean inside() {
        return place == Place.INSIDE;
    }

    /** The marker that may come now whatever the answer's form, or -1. */
    int mayOpen() {
        return place == Place.BEFORE && thinking.budget() > 0
                ? thinking.markers().open()
                : -1;
    }

    /** The marker that must not come now, or -1. */
    int mustNotOpen() {
        return thinking != null && place != Place.INSIDE && mayOpen() < 0
                ? thinking.markers().open()
                : -1;
    }

    /** Goes on behind a token; true when it is no part of the visible answer. */
    boolean took(int id) {
        switch (place) {
            case BEFORE -> {
                place = id == thinking.markers().open() ? Place.INSIDE : Place.BEHIND;
                tokens += place == Place.INSIDE ? 1 : 0;
                return place == Place.INSIDE;
            }
            case INSIDE -> {
                tokens++;
                place = id == thinking.markers().close() ? Place.BEHIND : Place.INSIDE;
                return true;
            }
            case BEHIND -> {
                return false;
            }
        }
        throw new IllegalStateException("no such place");
    }

    boolean isMarker(int id) {
        return id == thinking.markers().open() || id == thinking.markers().close();
    }

    /** Tokens of thoughts, markers included. */
    int tokens() {
        return tokens;
    }
}
