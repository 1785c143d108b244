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
    /** English words in a byte-pair vocabulary, spaces included. */
    static final int LETTERS_PER_TOKEN = 4;

    /**
     * Only for choosing, since what is sent is counted by lm-core. Digits and the signs around them are mostly tokens
     * of their own, which is what makes marks such as [01:05-01:12] dear.
     */
    static int estimateTokens(String text) {
        int letters = 0;
        int others = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isLetter(c) || c == ' ') {
                letters++;
            } else {
                others++;
            }
        }
        return Math.ceilDiv(letters, LETTERS_PER_TOKEN) + others;
    }

    /** The same, where so many other media items come before its own. */
    Unit behind(int others) {
        return new Unit(media + others, number, mark, text, passages);
    }

    int tokens() {
        return estimateTokens(text);
    }
}
