package longreach.store.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KeyChainTest {
    private static final Digest MODEL = Digest.ofHex("11".repeat(32));
    private static final Digest IMAGE = Digest.ofHex("22".repeat(32));
    private static final Tenant TENANT = new Tenant(Digest.ofHex("33".repeat(32)), "0123456789abcdef");
    private static final int S = KeyChain.SOFT;

    private final KeyChain chain = new KeyChain(MODEL, 1, TENANT);

    /** Changes with the format of keys, and then every stored context is lost: never by accident. */
    @Test
    void keyIsStableAcrossProcessesAndVersions() {
        assertThat(chain.child(ChunkKey.ROOT, new int[] {1, 2, 3}).hex())
                .isEqualTo("edd301b5e835336ec61673670161fce912e12a0bfb1cddbc72b4cbd0095de20c");
    }

    @Test
    void everyFieldCounts() {
        ChunkKey first = chain.child(ChunkKey.ROOT, new int[] {1, 2, 3});
        var span = new MediaSpan(IMAGE, 0, 1, 2, false);
        int[] soft = {7, S, S};
        List<ChunkKey> keys = List.of(
                first,
                chain.child(first, new int[] {1, 2, 3}),
                chain.child(ChunkKey.ROOT, new int[] {1, 2}),
                chain.child(ChunkKey.ROOT, new int[] {1, 2, 4}),
                chain.child(ChunkKey.ROOT, new int[] {1, 2, 3, 0}),
                new KeyChain(MODEL, 2, TENANT).child(ChunkKey.ROOT, new int[] {1, 2, 3}),
                new KeyChain(IMAGE, 1, TENANT).child(ChunkKey.ROOT, new int[] {1, 2, 3}),
                new KeyChain(MODEL, 1, new Tenant(IMAGE, TENANT.namespace())).child(ChunkKey.ROOT, new int[] {1, 2, 3}),
                chain.child(ChunkKey.ROOT, soft, List.of(span)),
                chain.child(ChunkKey.ROOT, soft, List.of(new MediaSpan(MODEL, 0, 1, 2, false))),
                chain.child(ChunkKey.ROOT, soft, List.of(new MediaSpan(IMAGE, 1, 1, 2, false))),
                chain.child(ChunkKey.ROOT, soft, List.of(new MediaSpan(IMAGE, 0, 1, 2, true))),
                chain.child(
                        ChunkKey.ROOT,
                        soft,
                        List.of(new MediaSpan(IMAGE, 0, 1, 1, false), new MediaSpan(IMAGE, 1, 2, 1, false))));
        Set<ChunkKey> different = new HashSet<>(keys);
        assertThat(different).hasSize(keys.size());
        assertThat(chain.child(ChunkKey.ROOT, soft, List.of(span))).isEqualTo(keys.get(8));
    }

    @Test
    void tokensAndSpansMustAgree() {
        assertThatThrownBy(() -> chain.child(ChunkKey.ROOT, new int[0])).hasMessageContaining("at least 1");
        assertThatThrownBy(() -> chain.child(ChunkKey.ROOT, new int[] {1, S})).hasMessageContaining("token 1");
        assertThatThrownBy(() ->
                        chain.child(ChunkKey.ROOT, new int[] {1, 2}, List.of(new MediaSpan(IMAGE, 0, 1, 1, false))))
                .hasMessageContaining("token 1");
        assertThatThrownBy(() ->
                        chain.child(ChunkKey.ROOT, new int[] {S, S}, List.of(new MediaSpan(IMAGE, 0, 1, 2, false))))
                .hasMessageContaining("within [0, 2)");
        assertThatThrownBy(() -> chain.child(
                        ChunkKey.ROOT,
                        new int[] {S, S},
                        List.of(new MediaSpan(IMAGE, 0, 0, 2, false), new MediaSpan(IMAGE, 0, 1, 1, false))))
                .hasMessageContaining("within [2, 2)");
    }

    @Test
    void hexIsReadBack() {
        ChunkKey key = chain.child(ChunkKey.ROOT, new int[] {1});
        assertThat(new ChunkKey(Digest.ofHex(key.hex()))).isEqualTo(key);
        assertThat(ChunkKey.of(key.bytes())).isEqualTo(key);
        assertThat(key.toString()).hasSize(64);
    }
}
