package longreach.store.redis;

import io.lettuce.core.protocol.CommandHandler;
import io.lettuce.core.resource.NettyCustomizer;
import io.netty.buffer.ByteBuf;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Watches what comes in over all connections of a link: a large value that is on its way is not a stalled store, and a
 * reply that grows beyond every limit is cut off before it fills the memory.
 */
@ChannelHandler.Sharable
final class Traffic extends ChannelInboundHandlerAdapter implements NettyCustomizer {
    /** Most bytes of one read; they are copied while they are in the core's cache. */
    private static final int READ_BYTES = 256 << 10;

    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong bytesSinceReply = new AtomicLong();
    private final long maxUnansweredBytes;
    private final BufferPool pool;
    private final long maxValueBytes;
    private volatile long lastReadNanos = System.nanoTime();

    /**
     * @param pool where large values go
     * @param maxUnansweredBytes what may come in without completing any reply
     */
    Traffic(BufferPool pool, long maxValueBytes, long maxUnansweredBytes) {
        this.pool = pool;
        this.maxValueBytes = maxValueBytes;
        this.maxUnansweredBytes = maxUnansweredBytes;
    }

    long bytes() {
        return bytes.get();
    }

    long lastReadNanos() {
        return lastReadNanos;
    }

    /** A reply is complete. */
    void replied() {
        bytesSinceReply.set(0);
    }

    @Override
    public void afterChannelInitialized(Channel channel) {
        channel.pipeline().addFirst(this);
        // A read for each 64 kB, the default's most, would be a hundred system calls for a chunk.
        channel.config().setRecvByteBufAllocator(new AdaptiveRecvByteBufAllocator(1 << 10, 16 << 10, READ_BYTES));
        channel.pipeline()
                .addBefore(
                        channel.pipeline().context(CommandHandler.class).name(),
                        LargeReplies.NAME,
                        new LargeReplies(pool, maxValueBytes));
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        int read = message instanceof ByteBuf in ? in.readableBytes() : 0;
        bytes.addAndGet(read);
        lastReadNanos = System.nanoTime();
        if (bytesSinceReply.addAndGet(read) > maxUnansweredBytes) {
            context.close();
        }
        context.fireChannelRead(message);
    }
}
