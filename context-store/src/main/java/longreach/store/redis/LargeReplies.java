package longreach.store.redis;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * Takes large values out of a connection's replies before the client sees them, straight from the network's buffers into
 * one of the {@link BufferPool}, and puts a short one in their place. The client would collect all of a value, growing
 * its own buffer and moving what is in it, before it decodes any: on large values that costs more than the network does.
 *
 * <p>Follows the framing of RESP 2 and 3. One for each connection; {@link #delivered} is how the codec gets the value.
 */
final class LargeReplies extends ChannelInboundHandlerAdapter {
    static final String NAME = "large-replies";
    /** Longer than what a server or a cluster of hundreds says of itself to a connection that has another codec. */
    static final int LEAST_BYTES = 64 << 10;

    private static final byte[] STAND_IN = "$1\r\n@\r\n".getBytes(StandardCharsets.US_ASCII);
    /** Lengths are shorter; a longer line is text. */
    private static final int LONGEST_HEAD = 24;

    /** The value whose stand-in is being decoded on this thread. */
    private static final ThreadLocal<Buffer> DELIVERED = new ThreadLocal<>();

    private enum State {
        /** In the first line of an element. */
        HEAD,
        /** In a line of text that is passed on. */
        LINE,
        /** In a value that is passed on. */
        VALUE,
        /** In a value that is taken out. */
        LARGE,
        /** In the line break after it. */
        LARGE_END
    }

    private final BufferPool pool;
    private final long maxBytes;
    private final byte[] head = new byte[LONGEST_HEAD];
    private State state = State.HEAD;
    private int headBytes;
    /** Elements that the current reply has still to come; 0 between replies. */
    private long elements;
    /** Bytes that the current value, or the line break after it, has still to come. */
    private long left;
    /** Where the large value goes; {@link Buffer#TOO_LARGE}: nowhere. */
    private Buffer large;

    private long filled;

    LargeReplies(BufferPool pool, long maxBytes) {
        this.pool = pool;
        this.maxBytes = maxBytes;
    }

    /** The value that the one being decoded stands for; null when it stands for itself. */
    static Buffer delivered() {
        Buffer buffer = DELIVERED.get();
        DELIVERED.remove();
        return buffer;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (!(message instanceof ByteBuf in)) {
            context.fireChannelRead(message);
            return;
        }
        try {
            split(context, in);
        } finally {
            in.release();
        }
    }

    private void split(ChannelHandlerContext context, ByteBuf in) {
        int pass = in.readerIndex();
        while (in.isReadable()) {
            switch (state) {
                case HEAD -> {
                    int lineStart = in.readerIndex();
                    int end = in.indexOf(lineStart, in.writerIndex(), (byte) '\n');
                    int bytes = (end < 0 ? in.writerIndex() : end + 1) - lineStart;
                    if (headBytes + bytes > LONGEST_HEAD) {
                        flushHead(context);
                        begin();
                        elements--;
                        state = State.LINE;
                        continue;
                    }
                    if (headBytes == 0) {
                        pass(context, in, pass, lineStart);
                    }
                    in.readBytes(head, headBytes, bytes);
                    headBytes += bytes;
                    pass = in.readerIndex();
                    if (end >= 0) {
                        headComplete(context);
                    }
                }
                case LINE -> {
                    int end = in.indexOf(in.readerIndex(), in.writerIndex(), (byte) '\n');
                    in.readerIndex(end < 0 ? in.writerIndex() : end + 1);
                    state = end < 0 ? State.LINE : State.HEAD;
                }
                case VALUE -> {
                    int step = (int) Math.min(left, in.readableBytes());
                    in.skipBytes(step);
                    left -= step;
                    state = left == 0 ? State.HEAD : State.VALUE;
                }
                case LARGE -> {
                    fill(in);
                    pass = in.readerIndex();
                }
                case LARGE_END -> {
                    int step = (int) Math.min(left, in.readableBytes());
                    in.skipBytes(step);
                    left -= step;
                    pass = in.readerIndex();
                    if (left == 0) {
                        state = State.HEAD;
                        deliver(context);
                    }
                }
            }
        }
        pass(context, in, pass, in.writerIndex());
    }

    /** Begins a reply where none is under way. */
    private void begin() {
        if (elements == 0) {
            elements = 1;
        }
    }

    private void headComplete(ChannelHandlerContext context) {
        boolean whole = elements == 0;
        begin();
        long number = number();
        switch (head[0]) {
            case '$', '=', '!' -> {
                elements--;
                if (whole && head[0] == '$' && number >= LEAST_BYTES) {
                    headBytes = 0;
                    large = number <= maxBytes ? pool.take(number) : Buffer.TOO_LARGE;
                    filled = 0;
                    left = number;
                    state = State.LARGE;
                    return;
                }
                if (number >= 0) {
                    left = number + 2;
                    state = State.VALUE;
                }
            }
            case '*', '~', '>' -> elements += Math.max(0, number) - 1;
            case '%' -> elements += 2 * Math.max(0, number) - 1;
            // Attributes come before the element that they belong to.
            case '|' -> elements += 2 * Math.max(0, number);
            default -> elements--;
        }
        flushHead(context);
    }

    /** The number behind the head's first character; -1 when there is none. */
    private long number() {
        long number = 0;
        int digits = 0;
        for (int i = 1; i < headBytes && head[i] >= '0' && head[i] <= '9' && digits < 18; i++, digits++) {
            number = 10 * number + head[i] - '0';
        }
        return digits == 0 ? -1 : number;
    }

    private void flushHead(ChannelHandlerContext context) {
        if (headBytes > 0) {
            ByteBuf copy = context.alloc().buffer(headBytes).writeBytes(head, 0, headBytes);
            headBytes = 0;
            context.fireChannelRead(copy);
        }
    }

    private static void pass(ChannelHandlerContext context, ByteBuf in, int from, int to) {
        if (to > from) {
            context.fireChannelRead(in.retainedSlice(from, to - from));
        }
    }

    private void fill(ByteBuf in) {
        int step = (int) Math.min(left, in.readableBytes());
        if (large != Buffer.TOO_LARGE) {
            MemorySegment from = MemorySegment.ofBuffer(in.nioBuffer(in.readerIndex(), step));
            MemorySegment.copy(from, 0, large.bytes(), filled, step);
        }
        in.skipBytes(step);
        filled += step;
        left -= step;
        if (left == 0) {
            left = 2;
            state = State.LARGE_END;
        }
    }

    private void deliver(ChannelHandlerContext context) {
        DELIVERED.set(large);
        large = null;
        try {
            context.fireChannelRead(Unpooled.wrappedBuffer(STAND_IN));
        } finally {
            giveBack(delivered());
        }
    }

    private void giveBack(Buffer buffer) {
        if (buffer != null && buffer != Buffer.TOO_LARGE) {
            pool.giveBack(buffer);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        giveBack(large);
        large = null;
        // What may still come is read into nothing.
        state = State.LINE;
        context.fireChannelInactive();
    }
}
