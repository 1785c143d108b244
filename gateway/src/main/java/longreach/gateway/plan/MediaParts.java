package longreach.gateway.plan;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import longreach.gateway.auth.Tenant;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import longreach.gateway.fetch.UrlFetcher;
import longreach.gateway.files.FileLibrary;
import longreach.gateway.media.MediaBytes;
import longreach.gateway.media.MediaItem;
import longreach.gateway.media.MediaKind;
import longreach.gateway.media.MediaReader;
import longreach.gateway.media.Pictures;
import longreach.gateway.media.Pictures.Picture;
import longreach.gateway.request.GenerateRequest;
import longreach.gateway.request.GenerateRequest.RequestTurn;
import longreach.gateway.request.MediaSource;
import longreach.gateway.request.RequestPart;
import longreach.gateway.request.RequestPart.MediaPart;
import longreach.gateway.request.RequestPart.SeenPart;
import longreach.gateway.request.Requests;
import longreach.v1.EncodedMedia;
import longreach.v1.MediaOptions;
import longreach.v1.Modality;
import longreach.v1.ModelDescription;
import longreach.v1.RenderPart;
import longreach.v1.SourceMark;

/** What was, or is now, read of the media parts of a request, or what a model that sees is shown of them. */
public final class MediaParts {
    private static final String FILE_URI = ".fileData.fileUri";

    private final FileLibrary files;
    private final MediaReader reader;
    private final UrlFetcher fetcher;
    private final Pictures pictures;
    private final Units units;

    public MediaParts(FileLibrary files, MediaReader reader, Pictures pictures, UrlFetcher fetcher, Units units) {
        this.pictures = pictures;
        this.fetcher = fetcher;
        this.files = files;
        this.reader = reader;
        this.units = units;
    }

    /**
     * @param request with what is seen in the place of media that the model sees
     * @param media what was read of the others, in the order in which they stand in the turns
     * @param pictures what is seen
     */
    public record Parts(GenerateRequest request, List<ReadMedia> media, List<Picture> pictures) {}

    /** Reads the media of a request; images for a model that sees are only planned. */
    public Parts read(GenerateRequest request, ModelDescription model, Tenant tenant, Caller caller)
            throws InterruptedException, IOException {
        var read = new ArrayList<ReadMedia>();
        var seen = new ArrayList<Picture>();
        var turns = new ArrayList<RequestTurn>();
        for (var turn : request.turns()) {
            var parts = new ArrayList<RequestPart>();
            for (var part : turn.parts()) {
                if (part instanceof MediaPart media) {
                    var picture = picture(media, request.resolution(), model, tenant, caller);
                    if (picture.isPresent()) {
                        seen.add(picture.get());
                        parts.add(shown(picture.get(), media.source().id()));
                        continue;
                    }
                    read.add(read(media, read.size(), tenant, caller));
                }
                parts.add(part);
            }
            turns.add(new RequestTurn(turn.role(), parts));
        }
        return new Parts(request.with(turns), read, seen);
    }

    /** An image for a model that sees; empty: something else, or another model. */
    private Optional<Picture> picture(
            MediaPart part, MediaOptions.Resolution resolution, ModelDescription model, Tenant tenant, Caller caller)
            throws InterruptedException, IOException {
        boolean other = !part.mimeType().isEmpty() && !isImage(part.mimeType());
        if (model.getSoftWidth() == 0 || other || !pictures.seenBy(model)) {
            return Optional.empty();
        }
        var options = MediaOptions.newBuilder().setResolution(resolution).build();
        var item = switch (part.source()) {
            case MediaSource.Uploaded uploaded -> files.item(tenant, uploaded.name(), options);
            case MediaSource.Inline inline -> item(inline.data(), part.mimeType(), options, tenant);
            case MediaSource.Remote remote -> {
                var fetched = fetcher.fetch(remote.url(), part.path() + FILE_URI);
                yield item(fetched.bytes(), fetchedType(part, remote.url(), fetched.contentType()), options, tenant);
            }
        };
        if (!isImage(item.mimeType())) {
            return Optional.empty();
        }
        try {
            return Optional.of(pictures.plan(item, caller));
        } catch (ApiException e) {
            throw e.at(part.path() + (part.source() instanceof MediaSource.Inline ? ".inlineData" : ".fileData"));
        }
    }

    private static boolean isImage(String mimeType) {
        return MediaKind.of(mimeType).filter(MediaKind.IMAGE::equals).isPresent();
    }

    private static MediaItem item(ByteString data, String mimeType, MediaOptions options, Tenant tenant) {
        return new MediaItem(tenant.name(), sha256(data), mimeType, "", new MediaBytes.InMemory(data), options);
    }

    /** The whole, then the crops, in the words of Gemma 3's pan and scan. */
    private static SeenPart shown(Picture picture, String id) {
        var mark = SourceMark.newBuilder().setFile(id).build();
        var parts = new ArrayList<RenderPart>();
        int last = picture.runs().size() - 1;
        for (int i = 0; i <= last; i++) {
            if (last > 0) {
                parts.add(RenderPart.newBuilder()
                        .setText(
                                i == 0
                                        ? "Here is the original image "
                                        : i == 1 ? " and here are some crops to help you see better " : " ")
                        .setModality(Modality.TEXT)
                        .build());
            }
            parts.add(RenderPart.newBuilder()
                    .setSoft(picture.runs().get(i))
                    .setModality(Modality.IMAGE)
                    .setMark(mark)
                    .setBoundaryAfter(i == last)
                    .build());
        }
        return new SeenPart(parts);
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
                var fetched = fetcher.fetch(remote.url(), part.path() + FILE_URI);
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
        var item = item(data, mimeType, part.options(), tenant);
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
