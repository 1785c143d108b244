package longreach.gateway.media;

import java.util.Arrays;
import longreach.v1.MediaOptions;

/**
 * One thing to be read.
 *
 * @param tenant whose it is: what was read for one tenant is never shown to another
 * @param sha256 of the bytes, 32 bytes
 * @param fileName for messages and for decoders that look at endings; may be empty
 */
public record MediaItem(
        String tenant, byte[] sha256, String mimeType, String fileName, MediaBytes bytes, MediaOptions options) {
    public MediaItem {
        if (sha256.length != 32) {
            throw new IllegalArgumentException("sha256: " + sha256.length + " bytes (expected: 32)");
        }
        sha256 = sha256.clone();
    }

    @Override
    public byte[] sha256() {
        return sha256.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof MediaItem item
                && tenant.equals(item.tenant)
                && Arrays.equals(sha256, item.sha256)
                && mimeType.equals(item.mimeType)
                && options.equals(item.options);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(sha256);
    }
}
