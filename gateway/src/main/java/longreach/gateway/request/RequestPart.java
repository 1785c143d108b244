package longreach.gateway.request;

import java.util.List;
import longreach.v1.MediaOptions;
import longreach.v1.RenderPart;
import longreach.v1.ToolCall;
import longreach.v1.ToolResult;

/** One piece of a turn, checked. */
public sealed interface RequestPart {

    /** Text that the user typed; never dropped. */
    record TextPart(String text) implements RequestPart {}

    /** A call that the model made in an earlier turn. */
    record CallPart(ToolCall call) implements RequestPart {}

    /** What such a call returned. */
    record ResultPart(ToolResult result) implements RequestPart {}

    /** An image as the model sees it: soft tokens, and the words around those of its crops. */
    record SeenPart(List<RenderPart> shown) implements RequestPart {
        public SeenPart {
            shown = List.copyOf(shown);
        }
    }

    /**
     * Media to be read.
     *
     * @param path where in the request it stands, for messages: {@code contents[0].parts[1]}
     * @param mimeType lower case, without parameters; empty for a file whose own type counts
     */
    record MediaPart(String path, String mimeType, MediaSource source, MediaOptions options) implements RequestPart {}
}
