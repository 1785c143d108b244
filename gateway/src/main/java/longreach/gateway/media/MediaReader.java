package longreach.gateway.media;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import longreach.v1.EncodedMedia;
import longreach.v1.MediaOptions;
import longreach.v1.MediaPlan;
import longreach.v1.TextPiece;

/**
 * Reads media, each item once: what the encoders made of the same bytes with the same options is taken from memory or
 * from the context store, and two requests for one item share one reading.
 */
public final class MediaReader {
    /** Read items kept in memory, by their text. */
    private static final long MEMORY_CHARS = 16L << 20;

    private static final long LOOK_MILLIS = 200;

    private final EncoderClient vision;
    private final EncoderClient audio;
    private final ArtifactClient artifacts;
    private final Semaphore atOnce;
    private final Map<String, CompletableFuture<EncodedMedia>> running = new ConcurrentHashMap<>();
    private final Map<String, EncodedMedia> recent = new LinkedHashMap<>(16, 0.75f, true);
    private long recentChars;

    /** @param media what was made of the item @param fromCache whether nothing had to be decoded for it */
    public record Read(EncodedMedia media, boolean fromCache) {}

    public MediaReader(EncoderClient vision, EncoderClient audio, ArtifactClient artifacts, int encodesAtOnce) {
        this.vision = vision;
        this.audio = audio;
        this.artifacts = artifacts;
        atOnce = new Semaphore(encodesAtOnce);
    }

    /**
     * @throws ApiException INVALID_ARGUMENT for a type that nobody reads or media that cannot be decoded; UNAVAILABLE
     *     while an encoder that is needed is down
     */
    public Read read(MediaItem item, EncoderClient.Progress progress, Caller caller)
            throws InterruptedException, IOException {
        var kind = MediaKind.of(item.mimeType())
                .orElseThrow(() -> ApiException.badField("mimeType", item.mimeType(), MediaKind.EXPECTED));
        var digest = digest(item, fingerprint(kind));
        var key = item.tenant() + '/' + HexFormat.of().formatHex(digest);
        var mine = new CompletableFuture<EncodedMedia>();
        while (true) {
            var kept = remembered(key);
            if (kept == null) {
                kept = artifacts.get(item.tenant(), digest).orElse(null);
            }
            if (kept != null) {
                remember(key, kept);
                return new Read(kept, true);
            }
            var other = running.putIfAbsent(key, mine);
            if (other == null) {
                break;
            }
            try {
                return new Read(await(other, caller), true);
            } catch (ApiException e) {
                // The other reader's caller left; this one still wants the answer.
                if (e.code() != io.grpc.Status.Code.CANCELLED) {
                    throw e;
                }
                caller.checkStillThere();
            }
        }
        try {
            var media = encode(kind, item, progress, caller);
            remember(key, media);
            artifacts.put(item.tenant(), digest, media);
            mine.complete(media);
            return new Read(media, false);
        } catch (IOException | InterruptedException | RuntimeException | Error e) {
            mine.completeExceptionally(
                    e instanceof InterruptedException ? ApiException.cancelled("the reading was stopped") : e);
            throw e;
        } finally {
            running.remove(key, mine);
        }
    }

    private static EncodedMedia await(CompletableFuture<EncodedMedia> other, Caller caller)
            throws InterruptedException, IOException {
        while (true) {
            try {
                return other.get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                caller.checkStillThere();
            } catch (ExecutionException e) {
                switch (e.getCause()) {
                    case ApiException api -> throw api;
                    case IOException io -> throw io;
                    default -> throw new IllegalStateException("reading media failed", e.getCause());
                }
            }
        }
    }

    private EncodedMedia encode(MediaKind kind, MediaItem item, EncoderClient.Progress progress, Caller caller)
            throws InterruptedException, IOException {
        while (!atOnce.tryAcquire(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
            progress.at("waiting for an encoder", 0);
            caller.checkStillThere();
        }
        try {
            var media = switch (kind) {
                case IMAGE, DOCUMENT -> vision.encode(item, false, progress, caller);
                case AUDIO -> audio.encode(item, false, progress, caller);
                case VIDEO -> video(item, progress, caller);
            };
            return media.toBuilder().setFingerprint(fingerprint(kind)).build();
        } finally {
            atOnce.release();
        }
    }

    /** Frames first, then the sound; their pieces are merged in the order of time. */
    private EncodedMedia video(MediaItem item, EncoderClient.Progress progress, Caller caller)
            throws InterruptedException, IOException {
        MediaPlan plan = vision.encode(item, true, progress, caller).getPlan();
        if (!plan.getHasVideo() && !plan.getHasAudio()) {
            throw ApiException.invalid(
                    item.mimeType() + ": neither a video nor an audio track (expected: at least one of them)");
        }
        double share = plan.getHasVideo() && plan.getHasAudio() ? 0.5 : 1;
        var merged = EncodedMedia.newBuilder().setPlan(plan);
        var pieces = new ArrayList<TextPiece>();
        if (plan.getHasVideo()) {
            var frames = vision.encode(item, false, (stage, at) -> progress.at(stage, at * share), caller);
            pieces.addAll(frames.getPiecesList());
            merged.putAllCounts(frames.getCountsMap()).setEncodeMillis(frames.getEncodeMillis());
        }
        if (plan.getHasAudio()) {
            var sound = audio.encode(item, false, (stage, at) -> progress.at(stage, 1 - share + at * share), caller);
            pieces.addAll(sound.getPiecesList());
            merged.putAllCounts(sound.getCountsMap())
                    .setEncodeMillis(merged.getEncodeMillis() + sound.getEncodeMillis());
        }
        pieces.sort(Comparator.comparingLong(piece -> piece.getMark().getStartMs()));
        return merged.addAllPieces(pieces).build();
    }

    /** @throws ApiException UNAVAILABLE while an encoder that is needed is down */
    public String fingerprint(MediaKind kind) {
        return switch (kind) {
            case IMAGE, DOCUMENT -> vision.describe().getFingerprint();
            case AUDIO -> audio.describe().getFingerprint();
            case VIDEO ->
                vision.describe().getFingerprint() + '|' + audio.describe().getFingerprint();
        };
    }

    /** SHA-256 over everything that the outcome depends on; lengths keep the fields apart. */
    static byte[] digest(MediaItem item, String fingerprint) {
        try {
            var sha = MessageDigest.getInstance("SHA-256");
            MediaOptions options = item.options();
            for (var field : new byte[][] {
                "longreach media 1".getBytes(StandardCharsets.UTF_8),
                item.sha256(),
                item.mimeType().getBytes(StandardCharsets.UTF_8),
                fingerprint.getBytes(StandardCharsets.UTF_8),
                ByteBuffer.allocate(Double.BYTES + 2 * Long.BYTES + Integer.BYTES)
                        .putDouble(options.getFps())
                        .putLong(options.getStartMs())
                        .putLong(options.getEndMs())
                        .putInt(options.getResolutionValue())
                        .array()
            }) {
                sha.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, field.length));
                sha.update(field);
            }
            return sha.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private synchronized EncodedMedia remembered(String key) {
        return recent.get(key);
    }

    /** Drops from memory what was read for a tenant. */
    public synchronized void forget(String tenant) {
        recent.entrySet().removeIf(entry -> {
            boolean theirs = entry.getKey().startsWith(tenant + '/');
            recentChars -= theirs ? entry.getValue().getSerializedSize() : 0;
            return theirs;
        });
    }

    private synchronized void remember(String key, EncodedMedia media) {
        if (recent.put(key, media) == null) {
            recentChars += media.getSerializedSize();
        }
        var oldest = recent.entrySet().iterator();
        while (recentChars > MEMORY_CHARS && recent.size() > 1 && oldest.hasNext()) {
            recentChars -= oldest.next().getValue().getSerializedSize();
            oldest.remove();
        }
    }
}
