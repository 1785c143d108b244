package longreach.standalone.speed;

/** One thing that is measured, in tokens per second. */
public sealed interface SpeedCase {
    /** A prompt of so many tokens, from nothing. */
    record Prefill(int tokens) implements SpeedCase {
        @Override
        public String toString() {
            return "prefill " + tokens;
        }
    }

    /** Tokens one by one, with {@code depth} tokens or a few more in the context already; 0 counts as one. */
    record Decode(int depth) implements SpeedCase {
        @Override
        public String toString() {
            return "decode at " + depth;
        }
    }
}
