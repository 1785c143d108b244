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
import longreach.gateway.fetch.UrlFetcher;
import longreach.gateway.files.FileLibrary;
import longreach.gateway.media.MediaBytes;
import longreach.gateway.media.MediaItem;
import longreach.gateway.media.MediaKind;
import longreach.gateway.media.MediaReader;
import longreach.gateway.request.GenerateRequest.RequestTurn;
import longreach.gateway.request.MediaSource;
import longreach.gateway.request.RequestPart.MediaPart;
import longreach.gateway.request.Requests;
import longreach.v1.EncodedMedia;
import longreach.v1.MediaOptions;

/** What was, or is now, read of the media parts of a request. */
public final class MediaParts {
    private final FileLibrary files;
    private final MediaReader reader;
    private final UrlFetcher fetcher;
    private final Units units;

    public MediaParts(FileLibrary files, MediaReader reader, UrlFetcher fetcher, Units units) {
        this.fetcher = fetcher;
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
                EncodedMedia media = readBytes(part, inline.data(), part.mimeType(), ".inlineData", tenant, caller);
                yield new ReadMedia(id, "", kind.modality(), units.of(index, id, kind.modality(), media));
            }
            case MediaSource.Remote remote -> {
                var fetched = fetcher.fetch(remote.url(), part.path() + ".fileData.fileUri");
                var type = fetchedType(part, remote.url(), fetched.contentType());
                var kind = kind(type, part.path() + ".fileData.mimeType");
                EncodedMedia media = readBytes(part, fetched.bytes(), type, ".fileData", tenant, caller);
                yield new ReadMedia(id, id, kind.modality(), units.of(index, id, kind.modality(), media));
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

    /** What the caller says, else what the other server says, else what the name says. */
    private static String fetchedType(MediaPart part, String url, String contentType) {
        if (!part.mimeType().isEmpty()) {
            return part.mimeType();
        }
        var said = Requests.mimeType(contentType);
        return MediaKind.of(said).isPresent()
                ? said
                : MediaKind.typeByName(url.replaceFirst("[?#].*", "")).orElse(said);
    }

    private EncodedMedia readBytes(
            MediaPart part, ByteString data, String mimeType, String field, Tenant tenant, Caller caller)
            throws InterruptedException, IOException {
        var item =
                new MediaItem(tenant.name(), sha256(data), mimeType, "", new MediaBytes.InMemory(data), part.options());
        try {
            return reader.read(item, (stage, at) -> {}, caller).media();
        } catch (ApiException e) {
            throw e.at(part.path() + field);
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
