package longreach.lm.kv;

/** q8: x = d q, with q in [-127, 127]. A block is d in binary16, then a byte for each element. */
final class ByteBlocks extends BlockRows {
    private static final int MOST = 127;

    static int bytes(int elements) {
        return 2 * Math.ceilDiv(elements, BLOCK) + elements;
    }

    @Override
    int width(int elements) {
        return bytes(elements);
    }

    @Override
    int encode(float[] x, int offset, int n, byte[] to, int at) {
        float largest = 0;
        for (int i = offset; i < offset + n; i++) {
            largest = Math.max(largest, Math.abs(x[i]));
        }
        short half = half(largest / MOST);
        putShort(to, at, half);
        float d = Float.float16ToFloat(half);
        float inverse = d == 0 ? 0 : 1 / d;
        for (int i = 0; i < n; i++) {
            to[at + 2 + i] = (byte) Math.clamp(Math.round(x[offset + i] * inverse), -MOST, MOST);
        }
        return at + 2 + n;
    }

    @Override
    int decode(byte[] from, int at, float[] x, int offset, int n) {
        float d = getHalf(from, at);
        for (int i = 0; i < n; i++) {
            x[offset + i] = d * from[at + 2 + i];
        }
        return at + 2 + n;
    }
}
