package longreach.vision.ocr;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import longreach.vision.image.Raster;

/**
 * Reads the text of an image: find regions, lay each flat, recognise it. PP-OCRv4 (Du et al., "PP-OCR: A Practical
 * Ultra Lightweight OCR System", arXiv 2009.09941, and its later model cards) in ONNX Runtime.
 *
 * <p>Safe for several threads at once; each call computes on the caller's thread and on the networks' own.
 */
public final class OcrEngine implements AutoCloseable {
    private static final int STRIDE = 32;
    private static final int LINE_HEIGHT = 48;
    // The recogniser was trained on lines padded to this width.
    private static final int LINE_MIN_WIDTH = 320;
    private static final int LINE_MAX_WIDTH = 3200;
    private static final int DIRECTION_WIDTH = 192;
    private static final int MAX_REGIONS = 1500;
    // Below this, what was read is texture rather than text.
    private static final float MIN_CONFIDENCE = 0.5f;

    // "0ctober": a zero before small letters at the start of a word is the letter.
    private static final Pattern FALSE_ZERO = Pattern.compile("(?<![\\p{L}\\d.,])0(?=\\p{Ll}{3})");

    private final OcrModels models;
    private final CharacterDecoder decoder;

    /** @param threads threads of each network, at least 1 */
    public OcrEngine(int threads) {
        models = new OcrModels(threads);
        decoder = new CharacterDecoder(models.alphabet);
    }

    /** Names the models, so that a change of them changes what is derived from their output. */
    public String fingerprint() {
        return "pp-ocrv4-" + models.digest();
    }

    /**
     * The image's lines. A page that lies on its side or stands on its head is turned first, and its lines' boxes are
     * those of the upright page.
     *
     * @param searchSide the image is shrunk to this longest side for finding regions; each is then read at full size
     * @param cancelled asked between lines; true ends the call early with what was read
     */
    public List<OcrLine> read(Raster image, int searchSide, BooleanSupplier cancelled) {
        try {
            List<TextRegion> regions = find(image, searchSide);
            if (sideways(regions)) {
                // A page that lies on its side: from here on it stands, possibly on its head.
                image = image.turned(90);
                regions = find(image, searchSide);
            }
            regions.sort(Comparator.comparingDouble(TextRegion::top));
            boolean upsideDown = upsideDown(image, regions);
            var lines = new ArrayList<OcrLine>();
            for (TextRegion region : regions) {
                if (cancelled.getAsBoolean()) {
                    break;
                }
                OcrLine line = recognise(image, region, upsideDown);
                if (line != null) {
                    lines.add(line);
                }
            }
            if (upsideDown) {
                int width = image.width();
                int height = image.height();
                lines.replaceAll(line -> new OcrLine(
                        line.text(),
                        width - line.right(),
                        height - line.bottom(),
                        width - line.left(),
                        height - line.top(),
                        line.confidence()));
            }
            return lines;
        } catch (OrtException e) {
            throw new IllegalStateException("the OCR networks failed: " + e.getMessage(), e);
        }
    }

    private static boolean sideways(List<TextRegion> regions) {
        long vertical = regions.stream().filter(TextRegion::vertical).count();
        return regions.size() >= 3 && vertical * 3 > regions.size() * 2L;
    }

    private List<TextRegion> find(Raster image, int searchSide) throws OrtException {
        int longest = Math.max(image.width(), image.height());
        double scale = Math.min(1, (double) searchSide / longest);
        int width = toStride(image.width() * scale);
        int height = toStride(image.height() * scale);
        float[] planes = Resampler.scaled(image, width, height);
        normalise(planes, width * height);
        float[] map = run(models.detector, planes, new long[] {1, 3, height, width});
        return new RegionFinder(map, width, height)
                .find((float) image.width() / width, (float) image.height() / height, MAX_REGIONS);
    }

    private static int toStride(double side) {
        return Math.max(STRIDE, (int) Math.round(side / STRIDE) * STRIDE);
    }

    /** The detector's training statistics, per plane. */
    private static void normalise(float[] planes, int plane) {
        float[] mean = {0.485f, 0.456f, 0.406f};
        float[] deviation = {0.229f, 0.224f, 0.225f};
        for (int c = 0; c < 3; c++) {
            float scale = 1 / (255 * deviation[c]);
            float shift = mean[c] / deviation[c];
            for (int i = c * plane; i < (c + 1) * plane; i++) {
                planes[i] = planes[i] * scale - shift;
            }
        }
    }

    /** The widest few lines vote: a page is scanned upside down as a whole. */
    private boolean upsideDown(Raster image, List<TextRegion> regions) throws OrtException {
        List<TextRegion> widest = regions.stream()
                .filter(r -> !r.vertical() && r.width() > 2 * r.height())
                .sorted(Comparator.comparingDouble(TextRegion::width).reversed())
                .limit(5)
                .toList();
        int votes = 0;
        for (TextRegion region : widest) {
            int width = lineWidth(region, LINE_HEIGHT, DIRECTION_WIDTH);
            float[] line = Resampler.flattened(image, region, width, LINE_HEIGHT, DIRECTION_WIDTH, false);
            float[] odds = run(models.direction, line, new long[] {1, 3, LINE_HEIGHT, DIRECTION_WIDTH});
            if (odds[1] > 0.9f) {
                votes++;
            }
        }
        return votes * 2 > widest.size();
    }

    private OcrLine recognise(Raster image, TextRegion region, boolean turned) throws OrtException {
        CharacterDecoder.Reading reading = readLine(image, region, turned);
        if (region.vertical()) {
            // Up or down the page: the surer way is the right one.
            CharacterDecoder.Reading other = readLine(image, region, !turned);
            reading = other.confidence() > reading.confidence() ? other : reading;
        }
        if (reading.text().isBlank() || reading.confidence() < MIN_CONFIDENCE) {
            return null;
        }
        return new OcrLine(
                FALSE_ZERO.matcher(reading.text().strip()).replaceAll("O"),
                region.left(),
                region.top(),
                region.right(),
                region.bottom(),
                reading.confidence());
    }

    private CharacterDecoder.Reading readLine(Raster image, TextRegion region, boolean turned) throws OrtException {
        int width = lineWidth(region, LINE_HEIGHT, LINE_MAX_WIDTH);
        int padded = Math.max(LINE_MIN_WIDTH, (width + 7) / 8 * 8);
        float[] line = Resampler.flattened(image, region, width, LINE_HEIGHT, padded, turned);
        float[] odds = run(models.recogniser, line, new long[] {1, 3, LINE_HEIGHT, padded});
        return decoder.decode(odds, padded, WordGaps.find(line, width, LINE_HEIGHT, padded));
    }

    private static int lineWidth(TextRegion region, int height, int limit) {
        float along = region.vertical() ? region.height() : region.width();
        float across = region.vertical() ? region.width() : region.height();
        return (int) Math.clamp(Math.ceil(height * along / across), 8, limit);
    }

    private float[] run(OrtSession session, float[] input, long[] shape) throws OrtException {
        String name = session.getInputNames().iterator().next();
        try (OnnxTensor tensor = OnnxTensor.createTensor(models.environment, FloatBuffer.wrap(input), shape);
                OrtSession.Result result = session.run(Map.of(name, tensor))) {
            FloatBuffer values = ((OnnxTensor) result.get(0)).getFloatBuffer();
            float[] out = new float[values.remaining()];
            values.get(out);
            return out;
        }
    }

    @Override
    public void close() throws OrtException {
        models.close();
    }
}
