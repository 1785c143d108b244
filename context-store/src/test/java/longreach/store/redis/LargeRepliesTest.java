package longreach.store.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LargeRepliesTest {
    private static final int LARGE = LargeReplies.LEAST_BYTES;
    private static final long MOST = 2L * LARGE;

    /** What comes out behind the handler: bytes as text, and the values that stand-ins stood for. */
    private static final class Behind extends ChannelInboundHandlerAdapter {
        final StringBuilder text = new StringBuilder();
        final List<Buffer> taken = new ArrayList<>();

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            var in = (ByteBuf) message;
            text.append(in.toString(StandardCharsets.US_ASCII));
            in.release();
            Buffer large = LargeReplies.delivered();
            if (large != null) {
                taken.add(large);
            }
        }
    }

    private static Behind read(String replies, int piece) {
        var behind = new Behind();
        var channel = new EmbeddedChannel(new LargeReplies(new BufferPool(1 << 20), MOST), behind);
        byte[] bytes = replies.getBytes(StandardCharsets.US_ASCII);
        for (int at = 0; at < bytes.length; at += piece) {
            channel.writeInbound(Unpooled.copiedBuffer(bytes, at, Math.min(piece, bytes.length - at)));
        }
        channel.finishAndReleaseAll();
        return behind;
    }

    private static String bulk(String value) {
        return "$" + value.length() + "\r\n" + value + "\r\n";
    }

    private static String noise(int length, long seed) {
        return new Random(seed)
                .ints(length, 33, 127)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    @Test
    void largeValuesAreTakenOutHoweverTheyAreCut() {
        String first = noise(LARGE, 1);
        String second = noise(LARGE + 7, 2);
        String replies = "+OK\r\n" + bulk(first) + ":1\r\n" + bulk("small $9\r\n") + "$-1\r\n" + bulk(second)
                + "-ERR a line that is longer than any length could ever be\r\n";
        String expected = "+OK\r\n$1\r\n@\r\n:1\r\n" + bulk("small $9\r\n") + "$-1\r\n$1\r\n@\r\n"
                + "-ERR a line that is longer than any length could ever be\r\n";
        for (int piece : new int[] {1, 2, 3, 7, 64, 1000, LARGE, replies.length()}) {
            Behind behind = read(replies, piece);
            assertThat(behind.text.toString()).as("pieces of %d", piece).isEqualTo(expected);
            assertThat(behind.taken).extracting(LargeRepliesTest::text).containsExactly(first, second);
        }
    }

    @Test
    void valuesWithinOtherRepliesAreLeftAlone() {
        String large = noise(LARGE, 3);
        // An array in an array, a map, an attribute before a value, and then a value of its own.
        String nested =
                "*2\r\n*2\r\n" + bulk(large) + ":3\r\n" + bulk(large) + "%1\r\n+k\r\n" + bulk(large) + "|1\r\n+a\r\n"
                        + bulk(large) + ":5\r\n*0\r\n*-1\r\n=" + (large.length() + 4) + "\r\ntxt:" + large + "\r\n";
        for (int piece : new int[] {1, 5, 1000, 1 << 20}) {
            Behind behind = read(nested + bulk(large) + "+end\r\n", piece);
            assertThat(behind.text.toString()).as("pieces of %d", piece).isEqualTo(nested + "$1\r\n@\r\n+end\r\n");
            assertThat(behind.taken).hasSize(1);
        }
    }

    @Test
    void whatIsOverTheLimitIsReadIntoNothing() {
        Behind behind = read(bulk(noise((int) MOST + 1, 4)) + "+end\r\n", 4096);
        assertThat(behind.taken).containsExactly(Buffer.TOO_LARGE);
        assertThat(behind.text.toString()).isEqualTo("$1\r\n@\r\n+end\r\n");
    }

    private static String text(Buffer buffer) {
        return new String(buffer.bytes().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.US_ASCII);
    }
}
