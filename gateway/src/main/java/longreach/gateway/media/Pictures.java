package longreach.gateway.media;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import longreach.gateway.call.Caller;
import longreach.gateway.call.DuplexCall;
import longreach.gateway.error.ApiException;
import longreach.v1.EncodedMedia;
import longreach.v1.GenerateDown;
import longreach.v1.GenerateUp;
import longreach.v1.ModelDescription;
import longreach.v1.Segment;
import longreach.v1.SoftPiece;
import longreach.v1.SoftSegment;
import longreach.v1.SoftTokens;
import longreach.v1.Want;

/**
 * Images for models that see: laid out by a probe, without looking, and looked at when lm-core wants their soft tokens. What
 * was seen is kept in the context store by the digest of its segment, which names the bytes, the encoder, the resolution
 * and the part of the image.
 */
public final class Pictures {
    private final EncoderClient vision;
    private final ArtifactClient artifacts;

    /**
     * An image of a request.
     *
     * @param runs of soft tokens: the whole image's, then those of its crops
     */
    public record Picture(MediaItem item, List<SoftSegment> runs) {}

    public Pictures(EncoderClient vision, ArtifactClient artifacts) {
        this.vision = vision;
        this.artifacts = artifacts;
    }

    /**
     * Whether images reach this model as soft tokens: it takes some, and the encoder makes them of its width.
     *
     * @throws ApiException UNAVAILABLE while the encoder of a model that takes some is down
     */
    public boolean seenBy(ModelDescription model) {
        return model.getSoftWidth() > 0 && vision.describe().getSoftWidth() == model.getSoftWidth();
    }

    /** @throws ApiException INVALID_ARGUMENT with the encoder's reason for an image that it cannot decode */
    public Picture plan(MediaItem item, Caller caller) throws InterruptedException, IOException {
        var fingerprint = vision.describe().getSoftFingerprint();
        var runs = new ArrayList<SoftSegment>();
        for (int tokens : vision.planSoft(item, caller).getSoftTokensList()) {
            runs.add(SoftSegment.newBuilder()
                    .setDigest(ByteString.copyFrom(digest(item, fingerprint, runs.size())))
                    .setTokenCount(tokens)
                    .setBidirectional(true)
                    .build());
        }
        if (runs.isEmpty()) {
            throw new IllegalStateException("the vision encoder planned no soft tokens for an image");
        }
        return new Picture(item, List.copyOf(runs));
    }

    /**
     * Sends what lm-core wants of a request's pictures, as it is made, and nothing after it.
     *
     * @param segments of the request; wanted ones are named by their place
     * @param pictures of the request itself; those of earlier turns are taken from the store
     * @throws ApiException FAILED_PRECONDITION for a picture of an earlier turn that is held nowhere any more
     */
    public void send(
            Want want,
            List<Segment> segments,
            List<Picture> pictures,
            String tenant,
            DuplexCall<GenerateUp, GenerateDown> call,
            Caller caller)
            throws InterruptedException, IOException {
        // One picture may stand in several places: it is looked at once.
        var places = new HashMap<ByteString, List<Integer>>();
        for (int place : want.getSegmentsList()) {
            if (place < 0 || place >= segments.size() || !segments.get(place).hasSoft()) {
                throw new IllegalStateException("lm-core wants segment " + place + ", which is no picture");
            }
            places.computeIfAbsent(segments.get(place).getSoft().getDigest(), digest -> new ArrayList<>())
                    .add(place);
        }
        for (var digest : List.copyOf(places.keySet())) {
            var kept = artifacts.get(tenant, digest.toByteArray());
            if (kept.isPresent() && kept.get().getSoftCount() > 0) {
                for (var rows : kept.get().getSoftList()) {
                    write(rows, places.get(digest), call);
                }
                places.remove(digest);
            }
        }
        for (var picture : pictures) {
            look(picture, places.keySet(), (digest, rows) -> write(rows, places.get(digest), call), tenant, caller);
        }
        if (!places.isEmpty()) {
            throw ApiException.failedPrecondition(
                    "a picture of an earlier turn is no longer held (expected: the picture sent again)");
        }
        call.halfClose();
    }

    /** Looks at what the store does not hold of them yet, so that it is found there without the pictures. */
    public void keep(List<Picture> pictures, String tenant, Caller caller) throws InterruptedException, IOException {
        for (var picture : pictures) {
            var missing = new HashSet<ByteString>();
            for (var run : picture.runs()) {
                if (artifacts.get(tenant, run.getDigest().toByteArray()).isEmpty()) {
                    missing.add(run.getDigest());
                }
            }
            look(picture, missing, (digest, rows) -> {}, tenant, caller);
        }
    }

    /** Takes the soft tokens of one item, part by part. */
    private interface Rows {
        void take(ByteString digest, SoftTokens rows) throws InterruptedException;
    }

    /** Looks at what is wanted of a picture, passes it on, keeps it, and takes it from the list. */
    private void look(Picture picture, Set<ByteString> places, Rows out, String tenant, Caller caller)
            throws InterruptedException, IOException {
        var wanted = new TreeMap<Integer, ByteString>();
        for (int item = 0; item < picture.runs().size(); item++) {
            var digest = picture.runs().get(item).getDigest();
            if (places.contains(digest)) {
                wanted.put(item, digest);
            }
        }
        if (wanted.isEmpty()) {
            return;
        }
        var seen = new HashMap<Integer, EncodedMedia.Builder>();
        vision.look(
                picture.item(),
                wanted.keySet(),
                piece -> {
                    var rows = piece.getTokens();
                    var digest = wanted.get(rows.getSegment());
                    if (digest == null) {
                        throw new IllegalStateException("the vision encoder sent an item that nobody asked for");
                    }
                    out.take(digest, rows);
                    var whole = seen.computeIfAbsent(rows.getSegment(), item -> EncodedMedia.newBuilder());
                    whole.addSoft(rows);
                    if (isWhole(whole, piece)) {
                        artifacts.put(tenant, digest.toByteArray(), whole.build());
                    }
                },
                caller);
        places.removeAll(wanted.values());
    }

    private static boolean isWhole(EncodedMedia.Builder rows, SoftPiece last) {
        long bytes = rows.getSoftList().stream()
                .mapToLong(part -> part.getData().size())
                .sum();
        return bytes == (long) last.getTokenCount() * last.getTokens().getWidth() * Float.BYTES;
    }

    private static void write(SoftTokens rows, List<Integer> places, DuplexCall<GenerateUp, GenerateDown> call)
            throws InterruptedException {
        for (int place : places) {
            call.write(GenerateUp.newBuilder()
                    .setSoft(rows.toBuilder().setSegment(place))
                    .build());
        }
    }

    /** SHA-256 over everything that the soft tokens depend on; lengths keep the fields apart. */
    private static byte[] digest(MediaItem item, String fingerprint, int index) {
        try {
            var sha = MessageDigest.getInstance("SHA-256");
            for (var field : new byte[][] {
                "longreach soft 1".getBytes(StandardCharsets.UTF_8),
                item.sha256(),
                fingerprint.getBytes(StandardCharsets.UTF_8),
                ByteBuffer.allocate(2 * Integer.BYTES)
                        .putInt(item.options().getResolutionValue())
                        .putInt(index)
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
}
