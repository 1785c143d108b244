package longreach.gateway.request;

import com.google.protobuf.ByteString;

/** Where a media part's bytes are. */
public sealed interface MediaSource {

    /** Bytes of an uploaded file. @param name {@code files/ID} */
    record Uploaded(String name) implements MediaSource {}

    /** Bytes that came with the request. @param index counts the request's inline parts from 1 */
    record Inline(int index, ByteString data) implements MediaSource {}

    /** Bytes at a web address. */
    record Remote(String url) implements MediaSource {}

    /** {@code files/ID}, {@code inline/N}, or the address. */
    default String id() {
        return switch (this) {
            case Uploaded uploaded -> uploaded.name();
            case Inline inline -> "inline/" + inline.index();
            case Remote remote -> remote.url();
        };
    }
}
