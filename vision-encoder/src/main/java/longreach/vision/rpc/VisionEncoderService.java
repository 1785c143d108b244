package longreach.vision.rpc;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.Map;
import java.util.concurrent.Semaphore;
import longreach.v1.DescribeEncoderRequest;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeUp;
import longreach.v1.EncoderDescription;
import longreach.v1.VisionEncoderGrpc;
import longreach.vision.VisionSettings;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaReader;
import longreach.vision.media.MediaType;
import longreach.vision.ocr.OcrEngine;
import longreach.vision.siglip.Eyes;

/** The service's methods. One {@link EncodeCall} holds each conversation. */
public class VisionEncoderService extends VisionEncoderGrpc.VisionEncoderImplBase {
    // Grows whenever the same bytes, models and settings would give other pieces.
    private static final int PIPELINE_VERSION = 1;

    private final VisionSettings settings;
    private final Map<MediaType.Family, MediaReader> readers;
    private final Intake intake;
    private final EncoderDescription description;
    private final Semaphore calls;

    /** @param eyes what the readers look with; null: nothing */
    public VisionEncoderService(
            VisionSettings settings, OcrEngine ocr, Eyes eyes, Map<MediaType.Family, MediaReader> mediaReaders) {
        this.settings = settings;
        this.readers = mediaReaders;
        this.intake = new Intake(settings);
        this.calls = new Semaphore(settings.maxCalls());
        var description = EncoderDescription.newBuilder()
                .setFingerprint("vision-encoder/" + PIPELINE_VERSION + " " + ocr.fingerprint() + " pdfbox-"
                        + version(org.apache.pdfbox.pdmodel.PDDocument.class) + " ffmpeg-"
                        + version(org.bytedeco.ffmpeg.global.avcodec.class) + " " + settings.fingerprint())
                .addAllMimeTypes(MediaType.readable());
        if (eyes != null) {
            description.setSoftWidth(eyes.textWidth()).setSoftFingerprint(eyes.fingerprint());
        }
        this.description = description.build();
    }

    @Override
    public void describe(DescribeEncoderRequest request, StreamObserver<EncoderDescription> out) {
        out.onNext(description);
        out.onCompleted();
    }

    @Override
    public StreamObserver<EncodeUp> encode(StreamObserver<EncodeDown> out) {
        var down = (ServerCallStreamObserver<EncodeDown>) out;
        boolean admitted = calls.tryAcquire();
        var call =
                new EncodeCall(down, readers, intake, settings.maxEncodeTime(), admitted ? calls::release : () -> {});
        if (!admitted) {
            call.fail(MediaException.busy(
                    "open encodes: " + settings.maxCalls() + " (expected: fewer; try again when one has ended)"));
        }
        return call;
    }

    private static String version(Class<?> type) {
        String version = type.getPackage().getImplementationVersion();
        return version == null ? "unknown" : version;
    }
}
