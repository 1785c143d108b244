package longreach.audio.decode;

import static org.bytedeco.ffmpeg.global.avutil.AV_SAMPLE_FMT_FLT;
import static org.bytedeco.ffmpeg.global.avutil.av_channel_layout_copy;
import static org.bytedeco.ffmpeg.global.avutil.av_channel_layout_default;
import static org.bytedeco.ffmpeg.global.avutil.av_channel_layout_uninit;
import static org.bytedeco.ffmpeg.global.avutil.av_opt_set_double;
import static org.bytedeco.ffmpeg.global.swresample.swr_alloc_set_opts2;
import static org.bytedeco.ffmpeg.global.swresample.swr_convert;
import static org.bytedeco.ffmpeg.global.swresample.swr_free;
import static org.bytedeco.ffmpeg.global.swresample.swr_get_out_samples;
import static org.bytedeco.ffmpeg.global.swresample.swr_init;

import longreach.audio.AudioException;
import org.bytedeco.ffmpeg.avutil.AVChannelLayout;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.swresample.SwrContext;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerPointer;

/** Decoded frames of one sample format, rate and channel layout to 16 kHz mono f32. */
final class Resampler implements AutoCloseable {
    private final SwrContext context = new SwrContext(null);
    private final int format;
    private final int rate;
    private final int channels;
    private FloatPointer out = new FloatPointer(4096);
    private int converted;

    Resampler(AVFrame frame) {
        format = frame.format();
        rate = frame.sample_rate();
        channels = frame.ch_layout().nb_channels();
        try (AVChannelLayout mono = new AVChannelLayout();
                AVChannelLayout in = new AVChannelLayout()) {
            av_channel_layout_default(mono, 1);
            // A layout without named channels cannot be mixed down; the usual one for that many is assumed.
            if (frame.ch_layout().order() == org.bytedeco.ffmpeg.global.avutil.AV_CHANNEL_ORDER_UNSPEC) {
                av_channel_layout_default(in, channels);
            } else {
                av_channel_layout_copy(in, frame.ch_layout());
            }
            int rc = swr_alloc_set_opts2(
                    context, mono, AV_SAMPLE_FMT_FLT, AudioReader.SAMPLE_RATE, in, format, rate, 0, null);
            // As for whole-number samples: channels are averaged rather than summed, so that nothing clips.
            if (rc < 0 || av_opt_set_double(context, "rematrix_maxval", 1, 0) < 0 || swr_init(context) < 0) {
                close();
                throw new AudioException.Undecodable(
                        "audio track: " + channels + " channels at " + rate + " Hz cannot be mixed down to mono");
            }
            av_channel_layout_uninit(in);
            av_channel_layout_uninit(mono);
        }
    }

    boolean fits(AVFrame frame) {
        return frame.format() == format
                && frame.sample_rate() == rate
                && frame.ch_layout().nb_channels() == channels;
    }

    /**
     * Converts a frame.
     *
     * @param buffer used when large enough, else replaced
     * @return the buffer that holds {@link #converted} samples
     */
    float[] convert(AVFrame frame, float[] buffer) {
        int room = Math.max(1, swr_get_out_samples(context, frame.nb_samples()));
        if (out.capacity() < room) {
            out.close();
            out = new FloatPointer(room + 1024L);
        }
        try (PointerPointer<FloatPointer> planes = new PointerPointer<>(1)) {
            planes.put(out);
            converted = swr_convert(context, planes, room, frame.extended_data(), frame.nb_samples());
        }
        if (converted < 0) {
            throw new AudioException.Undecodable("audio track: a frame could not be resampled");
        }
        float[] samples = buffer.length >= converted ? buffer : new float[converted + 1024];
        out.position(0).get(samples, 0, converted);
        for (int i = 0; i < converted; i++) {
            // Float tracks may hold anything.
            if (!(Math.abs(samples[i]) <= 16f)) {
                samples[i] = 0;
            }
        }
        return samples;
    }

    int converted() {
        return converted;
    }

    @Override
    public void close() {
        out.close();
        if (!context.isNull()) {
            swr_free(context);
        }
    }
}
