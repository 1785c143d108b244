package longreach.lm.kv;

/**
 * q4: x = m + d q, with q in [0, 15]. A block is d and m in binary16, then a byte for two elements each, the first one in
 * its low bits.
 */
final class NibbleBlocks extends BlockRows {
    private static final int MOST = 15;

    static int bytes(int elements) {
        return 4 * Math.ceilDiv(elements, BLOCK) + elements / BLOCK * (BLOCK / 2) + (elements % BLOCK + 1) / 2;
    }

    @Override
    int width(int elements) {
        return bytes(elements);
    }

    @Override
    int encode(float[] x, int offset, int n, byte[] to, int at) {
        float least = x[offset];
        float most = x[offset];
        for (int i = offset + 1; i < offset + n; i++) {
            least = Math.min(least, x[i]);
            most = Math.max(most, x[i]);
        }
        short step = half((most - least) / MOST);
        short minimum = half(least);
        putShort(to, at, step);
        putShort(to, at + 2, minimum);
        float d = Float.float16ToFloat(step);
        float m = Float.float16ToFloat(minimum);
        float inverse = d == 0 ? 0 : 1 / d;
        for (int i = 0; i < n; i += 2) {
            int low = Math.clamp(Math.round((x[offset + i] - m) * inverse), 0, MOST);
            int high = i + 1 < n ? Math.clamp(Math.round((x[offset + i + 1] - m) * inverse), 0, MOST) : 0;
            to[at + 4 + i / 2] = (byte) (low | high << 4);
        }
        return at + 4 + (n + 1) / 2;
    }

    @Override
    int decode(byte[] from, int at, float[] x, int offset, int n) {
        float d = getHalf(from, at);
        float m = getHalf(from, at + 2);
        for (int i = 0; i < n; i++) {
            int both = from[at + 4 + i / 2];
            x[offset + i] = m + d * ((i & 1) == 0 ? both & 15 : both >> 4 & 15);
        }
        return at + 4 + (n + 1) / 2;
    }
}
