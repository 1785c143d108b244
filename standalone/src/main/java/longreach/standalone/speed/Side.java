package longreach.standalone.speed;

import java.io.IOException;
import java.util.OptionalLong;

/** An engine that is measured; used by one thread. */
public interface Side extends AutoCloseable {
    String name();

    /** What it says of itself: version, kernels, settings. */
    String details();

    /**
     * Does the case once. Filling the context to a depth is not counted.
     *
     * @param decodeTokens that are decoded one by one
     * @return tokens per second
     * @throws IOException when the engine ends or refuses
     */
    double measure(SpeedCase what, int decodeTokens) throws IOException, InterruptedException;

    /** Most memory that its process has had resident, bytes; empty where the system does not tell. */
    OptionalLong peakBytes();

    @Override
    void close() throws IOException;
}
