package longreach.vision;

import java.nio.file.Path;
import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Settings of the vision encoder.
 *
 * @param mediaRoot files may be opened by path under this directory; null: none, every file arrives as bytes
 * @param spoolDirectory where arriving bytes are kept while they are encoded; null: the system's temporary directory
 * @param maxBytes largest file
 * @param maxPages pages of a document
 * @param maxPixels width * height of an image or of a video's frames
 * @param pageDpi resolution at which pages without text are drawn
 * @param maxPagePixels a page that would be larger at that resolution is drawn smaller
 * @param pdfMemory a document's streams beyond this go to a scratch file
 * @param maxDuration longest video
 * @param maxFps most frames looked at per second of video; 24 is what the public API takes
 * @param maxEncodeTime an encode that takes longer is stopped
 * @param threads threads that decode, draw and recognise; 0: one for each processor, at most 8
 * @param decoders processes in which FFmpeg decodes, at the same time; more files wait
 * @param decoderMemory private memory that one of them may take, where the operating system knows such a limit
 * @param decoderSilence one that shows no progress for longer is stopped
 * @param maxCalls encodes open at the same time, waiting ones included
 */
@ConfigurationProperties("vision-encoder")
public record VisionSettings(
        Path mediaRoot,
        Path spoolDirectory,
        @DefaultValue("2GB") DataSize maxBytes,
        @DefaultValue("1000") int maxPages,
        @DefaultValue("100000000") long maxPixels,
        @DefaultValue("200") int pageDpi,
        @DefaultValue("12000000") long maxPagePixels,
        @DefaultValue("64MB") DataSize pdfMemory,
        @DefaultValue("12h") Duration maxDuration,
        @DefaultValue("24") double maxFps,
        @DefaultValue("12h") Duration maxEncodeTime,
        @DefaultValue("0") int threads,
        @DefaultValue("8") int decoders,
        @DefaultValue("2GB") DataSize decoderMemory,
        @DefaultValue("60s") Duration decoderSilence,
        @DefaultValue("64") int maxCalls) {

    public VisionSettings {
        require(maxBytes.toBytes() > 0, "max-bytes", maxBytes, "more than 0");
        require(maxPages > 0, "max-pages", maxPages, "at least 1");
        require(maxPixels > 0, "max-pixels", maxPixels, "at least 1");
        require(pageDpi >= 50 && pageDpi <= 600, "page-dpi", pageDpi, "50 to 600");
        require(maxPagePixels >= 100_000, "max-page-pixels", maxPagePixels, "at least 100000");
        require(pdfMemory.toBytes() > 0, "pdf-memory", pdfMemory, "more than 0");
        require(maxDuration.isPositive(), "max-duration", maxDuration, "more than 0");
        require(maxFps > 0 && maxFps <= 60, "max-fps", maxFps, "0 < max-fps <= 60");
        require(maxEncodeTime.isPositive(), "max-encode-time", maxEncodeTime, "more than 0");
        require(threads >= 0 && threads <= 64, "threads", threads, "0 to 64");
        require(decoders >= 1 && decoders <= 64, "decoders", decoders, "1 to 64");
        require(decoderMemory.toBytes() >= 1L << 30, "decoder-memory", decoderMemory, "at least 1GB");
        require(decoderSilence.isPositive(), "decoder-silence", decoderSilence, "more than 0");
        require(maxCalls > 0, "max-calls", maxCalls, "at least 1");
    }

    /** {@link #threads} with the default resolved. */
    public int computeThreads() {
        return threads > 0 ? threads : Math.min(8, Runtime.getRuntime().availableProcessors());
    }

    /** Names the settings that change what is made of the same bytes. */
    public String fingerprint() {
        return "dpi=" + pageDpi + ",page-pixels=" + maxPagePixels;
    }

    private static void require(boolean valid, String name, Object value, String expected) {
        if (!valid) {
            throw new IllegalArgumentException(
                    "vision-encoder." + name + ": " + value + " (expected: " + expected + ")");
        }
    }
}
