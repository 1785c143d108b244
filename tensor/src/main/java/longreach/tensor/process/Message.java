package longreach.tensor.process;

import java.nio.ByteBuffer;

/**
 * One message of a child.
 *
 * @param kind what it is, as the two sides agreed; small numbers below 32 are the pipe's own
 * @param body big endian, its position at the first byte; owned by the receiver
 */
public record Message(int kind, ByteBuffer body) {
    /** The child has loaded what it needs and waits for its request. */
    static final int READY = 1;

    /** Progress without a result. */
    static final int ALIVE = 2;

    /** The child failed in a way that its work did not foresee; the body is the failure's class name. */
    static final int FAILED = 3;
}
