package longreach.gateway.plan;

import java.util.List;
import longreach.v1.SourceMark;

/**
 * A page-like stretch of a media item's text: ranked and shown as a whole.
 *
 * @param media index of its item in the request
 * @param number its place in the item, from 0
 * @param mark the whole stretch: its page, or its span of time
 * @param text as the model reads it, with its marks
 * @param passages what it can be cited by
 */
public record Unit(int media, int number, SourceMark mark, String text, List<Passage> passages) {
    /** English in a byte-pair vocabulary; only for choosing, since what is sent is counted by lm-core. */
    private static final int CHARS_PER_TOKEN = 4;

    static int estimateTokens(String text) {
        return Math.ceilDiv(text.length(), CHARS_PER_TOKEN);
    }

    int tokens() {
        return estimateTokens(text);
    }
}
