package longreach.vision.image;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.event.IIOReadWarningListener;
import javax.imageio.stream.ImageInputStream;
import longreach.tensor.process.ChildPool;
import longreach.v1.MediaPlan;
import longreach.v1.Modality;
import longreach.v1.TextPiece;
import longreach.vision.VisionSettings;
import longreach.vision.layout.Fragment;
import longreach.vision.layout.PageLayout;
import longreach.vision.media.ComputeGate;
import longreach.vision.media.MediaException;
import longreach.vision.media.MediaReader;
import longreach.vision.media.MediaSource;
import longreach.vision.media.MediaType;
import longreach.vision.media.PieceSink;
import longreach.vision.media.SearchSide;
import longreach.vision.ocr.OcrEngine;
import longreach.vision.ocr.OcrLine;
import longreach.vision.siglip.Eyes;
import longreach.vision.video.FrameSource;

/**
 * A still image: its text as one piece, or no piece when nothing is written on it. Of an animated GIF the first frame
 * is read; the plan tells how many there are. Where there are eyes, an image can be seen instead: soft tokens of the whole
 * and, at high resolution, of its crops.
 */
public final class ImageReader implements MediaReader {
    // An image beyond this is decoded at a half, a third, ... of its size: recognition gains nothing from more.
    private static final long DECODED_PIXELS = 25_000_000;

    private final VisionSettings settings;
    private final OcrEngine ocr;
    private final ComputeGate gate;
    private final ChildPool decoders;
    private final Eyes eyes;

    /** @param width as stored, before any turning */
    private record Size(int width, int height, int frames) {}

    /** @param eyes what makes soft tokens; null: nothing does */
    public ImageReader(VisionSettings settings, OcrEngine ocr, ComputeGate gate, ChildPool decoders, Eyes eyes) {
        this.settings = settings;
        this.ocr = ocr;
        this.gate = gate;
        this.decoders = decoders;
        this.eyes = eyes;
    }

    @Override
    public void plan(MediaSource source, PieceSink sink) throws MediaException {
        sink.plan(gate.run(() -> planOf(source, header(source))));
    }

    @Override
    public void read(MediaSource source, PieceSink sink) throws MediaException {
        ImageHeader header = gate.run(() -> header(source));
        sink.plan(gate.run(() -> planOf(source, header)));
        sink.progress("recognising", 0);
        List<OcrLine> lines = gate.run(() -> {
            Raster raster = header.upright(decode(source, header));
            sink.checkCancelled();
            return ocr.read(raster, SearchSide.ofPage(source.options()), sink::cancelled);
        });
        sink.checkCancelled();
        sink.count("ocr_images", 1);
        sink.count("lines", lines.size());
        if (!lines.isEmpty()) {
            sink.text(TextPiece.newBuilder()
                    .setKind(TextPiece.Kind.OCR)
                    .setText(PageLayout.read(lines.stream().map(Fragment::of).toList()))
                    .setConfidence(OcrLine.confidence(lines))
                    .build());
        }
    }

    @Override
    public void planSoft(MediaSource source, PieceSink sink) throws MediaException {
        MediaPlan plan = gate.run(() -> planOf(source, header(source)));
        sink.plan(withSoft(plan, glances(source, plan)));
    }

    @Override
    public void readSoft(MediaSource source, List<Integer> items, PieceSink sink) throws MediaException {
        ImageHeader header = gate.run(() -> header(source));
        MediaPlan plan = gate.run(() -> planOf(source, header));
        List<Eyes.Glance> all = glances(source, plan);
        sink.plan(withSoft(plan, all));
        List<Integer> places =
                items.isEmpty() ? IntStream.range(0, all.size()).boxed().toList() : items;
        List<Eyes.Glance> wanted = new ArrayList<>();
        for (int place : places) {
            if (place < 0 || place >= all.size()) {
                throw MediaException.invalid("items: " + Integer.toUnsignedString(place) + " (expected: less than "
                        + all.size() + ", the items of " + source.name() + ")");
            }
            wanted.add(all.get(place));
        }
        sink.progress("looking", 0);
        Raster raster = gate.run(() -> header.upright(decode(source, header)));
        int done = 0;
        for (List<Eyes.Glance> batch : eyes.batches(wanted)) {
            sink.checkCancelled();
            List<float[]> soft = gate.run(() -> look(raster, plan, batch, sink));
            for (float[] rows : soft) {
                sink.soft(places.get(done++), rows, eyes.textWidth());
            }
            sink.progress("looking", (double) done / wanted.size());
        }
        sink.count("soft_images", wanted.size());
    }

    private List<Eyes.Glance> glances(MediaSource source, MediaPlan plan) throws MediaException {
        if (eyes == null) {
            throw MediaException.invalid(
                    source.name() + ": soft tokens (expected: none, since this encoder has no eyes)");
        }
        return eyes.glances(plan.getWidth(), plan.getHeight(), source.options().getResolution());
    }

    private static MediaPlan withSoft(MediaPlan plan, List<Eyes.Glance> glances) {
        return plan.toBuilder()
                .addAllSoftTokens(glances.stream().map(Eyes.Glance::tokens).toList())
                .build();
    }

    private List<float[]> look(Raster raster, MediaPlan plan, List<Eyes.Glance> glances, PieceSink sink)
            throws MediaException {
        try {
            return eyes.look(raster, plan.getWidth(), plan.getHeight(), glances, () -> {
                if (sink.cancelled()) {
                    throw new CancellationException();
                }
            });
        } catch (CancellationException e) {
            throw MediaException.cancelled();
        }
    }

    private MediaPlan planOf(MediaSource source, ImageHeader header) throws MediaException {
        Size size = size(source, header);
        boolean sideways = header.orientation() >= 5;
        return MediaPlan.newBuilder()
                .setModality(Modality.IMAGE)
                .setWidth(sideways ? size.height() : size.width())
                .setHeight(sideways ? size.width() : size.height())
                .setFrames(size.frames())
                .setContainer(source.type().mimeType())
                .build();
    }

    private static ImageHeader header(MediaSource source) throws MediaException {
        try {
            return ImageHeader.of(source.path());
        } catch (IOException e) {
            throw MediaException.invalid(source.name() + ": cannot be read (expected: a readable file)", e);
        }
    }

    private Size size(MediaSource source, ImageHeader header) throws MediaException {
        Size size = source.type() == MediaType.WEBP
                ? new Size(header.width(), header.height(), 1)
                : withReader(source, reader -> {
                    int frames = source.type() == MediaType.GIF ? Math.max(1, reader.getNumImages(true)) : 1;
                    return new Size(reader.getWidth(0), reader.getHeight(0), frames);
                });
        if (size.width() < 1 || size.height() < 1) {
            throw MediaException.invalid(
                    source.name() + ": " + size.width() + " x " + size.height() + " pixels (expected: at least 1 x 1)");
        }
        if ((long) size.width() * size.height() > settings.maxPixels()) {
            throw MediaException.tooLarge(source.name() + ": " + size.width() + " x " + size.height()
                    + " pixels (expected: at most " + settings.maxPixels() + " in all)");
        }
        return size;
    }

    private Raster decode(MediaSource source, ImageHeader header) throws MediaException {
        Size size = size(source, header);
        if (source.type() == MediaType.WEBP) {
            if (header.animated()) {
                throw MediaException.invalid(source.name() + ": an animated WebP (expected: a still image)");
            }
            return FrameSource.still(decoders, source, "webp_pipe", settings.maxPixels());
        }
        int step = 1;
        while ((long) size.width() * size.height() / ((long) step * step) > DECODED_PIXELS) {
            step++;
        }
        int sampling = step;
        try {
            return withReader(source, reader -> {
                ImageReadParam param = reader.getDefaultReadParam();
                param.setSourceSubsampling(sampling, sampling, 0, 0);
                BufferedImage image = reader.read(0, param);
                return Raster.of(image);
            });
        } catch (MediaException e) {
            // The platform's reader has no CMYK; FFmpeg's has. What both refuse is broken.
            if (source.type() != MediaType.JPEG || e.getCause() instanceof TruncatedException) {
                throw e;
            }
            return FrameSource.still(decoders, source, "jpeg_pipe", settings.maxPixels());
        }
    }

    /** The decoder went on with grey where the data ended. */
    private static final class TruncatedException extends IOException {
        private static final long serialVersionUID = 1;

        TruncatedException(String message) {
            super(message);
        }
    }

    @FunctionalInterface
    private interface ReaderStep<T> {
        T apply(javax.imageio.ImageReader reader) throws IOException;
    }

    private static <T> T withReader(MediaSource source, ReaderStep<T> step) throws MediaException {
        String format = source.type().name().toLowerCase(java.util.Locale.ROOT);
        Iterator<javax.imageio.ImageReader> readers = ImageIO.getImageReadersByFormatName(format);
        if (!readers.hasNext()) {
            throw new IllegalStateException("this Java platform has no reader for " + format);
        }
        javax.imageio.ImageReader reader = readers.next();
        try (ImageInputStream in = ImageIO.createImageInputStream(source.path().toFile())) {
            var warnings = new StringBuilder();
            reader.addIIOReadWarningListener((IIOReadWarningListener) (from, warning) -> warnings.append(warning));
            reader.setInput(in, false, false);
            T result = step.apply(reader);
            if (warnings.toString().toLowerCase(java.util.Locale.ROOT).contains("premature end")) {
                throw new TruncatedException("the image ends before its last line");
            }
            return result;
        } catch (IOException | RuntimeException e) {
            // The platform's readers answer damaged files with many kinds of unchecked exception.
            String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw MediaException.invalid(
                    source.name() + ": not a readable " + source.type().mimeType() + ": " + reason
                            + " (expected: a sound image)",
                    e);
        } finally {
            reader.dispose();
        }
    }
}
