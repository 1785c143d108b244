package longreach.gateway.plan;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import longreach.gateway.auth.Tenant;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import longreach.gateway.files.FileLibrary;
import longreach.gateway.media.MediaBytes;
import longreach.gateway.media.MediaItem;
import longreach.gateway.media.MediaKind;
import longreach.gateway.media.MediaReader;
import longreach.gateway.request.GenerateRequest.RequestTurn;
import longreach.gateway.request.MediaSource;
import longreach.gateway.request.RequestPart.MediaPart;
import longreach.v1.EncodedMedia;
import longreach.v1.MediaOptions;

/** What was, or is now, read of the media parts of a request. */
public final class MediaParts {
    private final FileLibrary files;
    private final MediaReader reader;
    private final Units units;

    public MediaParts(FileLibrary files, MediaReader reader, Units units) {
        this.files = files;
        this.reader = reader;
        this.units = units;
    }

    /** In the order in which they stand in the turns. */
    public List<ReadMedia> read(List<RequestTurn> turns, Tenant tenant, Caller caller)
            throws InterruptedException, IOException {
        var read = new ArrayList<ReadMedia>();
        for (var turn : turns) {
            for (var part : turn.parts()) {
                if (part instanceof MediaPart media) {
                    read.add(read(media, read.size(), tenant, caller));
                }
            }
        }
        return read;
    }

    private ReadMedia read(MediaPart part, int index, Tenant tenant, Caller caller)
            throws InterruptedException, IOException {
        var id = part.source().id();
        return switch (part.source()) {
            case MediaSource.Uploaded uploaded -> {
                var file = files.get(tenant, uploaded.name());
                var kind = kind(file.getMimeType(), part.path() + ".fileData.mimeType");
                var media = files.media(tenant, uploaded.name(), part.options(), caller);
                var title = file.getDisplayName().isEmpty() ? id : file.getDisplayName();
                yield new ReadMedia(id, title, kind.modality(), units.of(index, id, kind.modality(), media));
            }
            case MediaSource.Inline inline -> {
                var kind = kind(part.mimeType(), part.path() + ".inlineData.mimeType");
                EncodedMedia media = readInline(part, inline, tenant, caller);
                yield new ReadMedia(id, "", kind.modality(), units.of(index, id, kind.modality(), media));
            }
        };
    }

    /** Bytes alone, outside a conversation. */
    public EncodedMedia read(ByteString bytes, String mimeType, String fileName, Tenant tenant, Caller caller)
            throws InterruptedException, IOException {
        var item = new MediaItem(
                tenant.name(),
                sha256(bytes),
                mimeType,
                fileName,
                new MediaBytes.InMemory(bytes),
                MediaOptions.getDefaultInstance());
        return reader.read(item, (stage, at) -> {}, caller).media();
    }

    private EncodedMedia readInline(MediaPart part, MediaSource.Inline inline, Tenant tenant, Caller caller)
            throws InterruptedException, IOException {
        var item = new MediaItem(
                tenant.name(),
                sha256(inline.data()),
                part.mimeType(),
                "",
                new MediaBytes.InMemory(inline.data()),
                part.options());
        try {
            return reader.read(item, (stage, at) -> {}, caller).media();
        } catch (ApiException e) {
            throw e.at(part.path() + ".inlineData");
        }
    }

    private static MediaKind kind(String mimeType, String path) {
        return MediaKind.of(mimeType).orElseThrow(() -> ApiException.badField(path, mimeType, MediaKind.EXPECTED));
    }

    private static byte[] sha256(ByteString bytes) {
        try {
            var sha = MessageDigest.getInstance("SHA-256");
            bytes.asReadOnlyByteBufferList().forEach(sha::update);
            return sha.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
