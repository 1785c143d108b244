package longreach.vision;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.PDPage;
import org.apache.pdfbox.pdmodel.PDPageContentStream;
import org.apache.pdfbox.pdmodel.common.PDRectangle;
import org.apache.pdfbox.pdmodel.encryption.AccessPermission;
import org.apache.pdfbox.pdmodel.encryption.StandardProtectionPolicy;
import org.apache.pdfbox.pdmodel.font.PDFont;
import org.apache.pdfbox.pdmodel.font.PDType1Font;
import org.apache.pdfbox.pdmodel.font.Standard14Fonts;
import org.apache.pdfbox.pdmodel.graphics.image.LosslessFactory;
import org.apache.pdfbox.rendering.PDFRenderer;
import org.bytedeco.ffmpeg.global.avcodec;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.javacv.FFmpegFrameRecorder;
import org.bytedeco.javacv.Java2DFrameConverter;

/** Media made for tests. Text is drawn by PDFBox, which needs no fonts of the system. */
public final class TestMedia {
    private static final PDFont FONT = new PDType1Font(Standard14Fonts.FontName.HELVETICA);

    private TestMedia() {}

    /** A run of text at a place; y from the page's top to the baseline, in points. */
    public record Words(float x, float y, float size, String text) {}

    /** A picture shown for some seconds. */
    public record Shot(BufferedImage image, int seconds) {}

    public static byte[] pdf(List<List<Words>> pages) {
        return pdf(pages, PDRectangle.A4, null);
    }

    public static byte[] lockedPdf(String password) {
        return pdf(List.of(List.of(new Words(60, 80, 12, "Secret"))), PDRectangle.A4, password);
    }

    private static byte[] pdf(List<List<Words>> pages, PDRectangle size, String password) {
        try (var document = new PDDocument()) {
            for (List<Words> words : pages) {
                addPage(document, size, words);
            }
            if (password != null) {
                document.protect(new StandardProtectionPolicy(password, password, new AccessPermission()));
            }
            return bytes(document);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void addPage(PDDocument document, PDRectangle size, List<Words> words) throws IOException {
        var page = new PDPage(size);
        document.addPage(page);
        try (var content = new PDPageContentStream(document, page)) {
            for (Words run : words) {
                content.beginText();
                content.setFont(FONT, run.size());
                content.newLineAtOffset(run.x(), size.getHeight() - run.y());
                content.showText(run.text());
                content.endText();
            }
        }
    }

    /** Dark text on white, one pixel a point. */
    public static BufferedImage picture(int width, int height, List<Words> words) {
        try (var document = new PDDocument()) {
            addPage(document, new PDRectangle(width, height), words);
            return new PDFRenderer(document).renderImage(0, 1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static byte[] imagePdf(BufferedImage image) {
        try (var document = new PDDocument()) {
            var page = new PDPage(PDRectangle.A4);
            document.addPage(page);
            try (var content = new PDPageContentStream(document, page)) {
                content.drawImage(
                        LosslessFactory.createFromImage(document, image),
                        0,
                        0,
                        PDRectangle.A4.getWidth(),
                        PDRectangle.A4.getHeight());
            }
            return bytes(document);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] bytes(PDDocument document) throws IOException {
        var out = new ByteArrayOutputStream();
        document.save(out);
        return out.toByteArray();
    }

    public static byte[] encoded(BufferedImage image, String format) {
        try {
            var out = new ByteArrayOutputStream();
            if (!ImageIO.write(image, format, out)) {
                throw new IllegalArgumentException("no writer for " + format);
            }
            return out.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** H.264 in the container that the file's name calls for, at 10 frames per second. */
    public static Path video(Path file, List<Shot> shots, int bitsPerSecond, int turn) {
        avutil.av_log_set_level(avutil.AV_LOG_QUIET);
        BufferedImage first = shots.getFirst().image();
        try (var recorder = new FFmpegFrameRecorder(file.toFile(), first.getWidth(), first.getHeight());
                var converter = new Java2DFrameConverter()) {
            recorder.setVideoCodec(
                    file.toString().endsWith(".webm") ? avcodec.AV_CODEC_ID_VP8 : avcodec.AV_CODEC_ID_H264);
            recorder.setPixelFormat(avutil.AV_PIX_FMT_YUV420P);
            recorder.setFrameRate(10);
            recorder.setGopSize(20);
            recorder.setVideoBitrate(bitsPerSecond);
            if (turn != 0) {
                recorder.setDisplayRotation((double) turn);
            }
            recorder.start();
            for (Shot shot : shots) {
                BufferedImage bgr =
                        new BufferedImage(first.getWidth(), first.getHeight(), BufferedImage.TYPE_3BYTE_BGR);
                bgr.getGraphics().drawImage(shot.image(), 0, 0, null);
                var frame = converter.convert(bgr);
                for (int i = 0; i < 10 * shot.seconds(); i++) {
                    recorder.record(frame);
                }
            }
            recorder.stop();
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
