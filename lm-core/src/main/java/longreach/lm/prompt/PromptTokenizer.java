package longreach.lm.prompt;

import java.util.Map;

/** What a chat template needs of a tokenizer. */
public interface PromptTokenizer {
    /** Ids of plain text: text that looks like a control token gives the ids of its characters. */
    int[] encode(String text);

    /** The tokens with a meaning of their own ("&lt;|im_start|&gt;"), by their text. */
    Map<String, Integer> controlTokens();
}
