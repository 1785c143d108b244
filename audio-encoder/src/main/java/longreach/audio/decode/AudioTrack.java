package longreach.audio.decode;

/**
 * A stream of 16 kHz mono samples of one file's best audio track. Memory does not grow with the length. Not for use by
 * several threads at once.
 */
public interface AudioTrack extends AutoCloseable {
    AudioProbe probe();

    /** Where in the media the next sample lies, in samples from its start. */
    long position();

    /**
     * Reads samples in [-1, 1].
     *
     * @return how many, at least 1; -1 at the end of the track or clip
     * @throws longreach.audio.AudioException.Undecodable when decoding fails or the track ends clearly before its end
     */
    int read(float[] out, int offset, int length);

    @Override
    void close();
}
