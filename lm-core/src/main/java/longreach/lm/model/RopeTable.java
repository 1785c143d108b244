package longreach.lm.model;

/**
 * cos and sin of position * theta^(-2i / headDim), [positions, headDim / 2], in f32 steps as the reference computes them:
 * frequency, angle and function value are each rounded to f32.
 */
final class RopeTable {
    final float[] cos;
    final float[] sin;
    final int half;

    RopeTable(int positions, int headDim, double theta) {
        half = headDim / 2;
        cos = new float[Math.multiplyExact(positions, half)];
        sin = new float[cos.length];
        float[] frequency = new float[half];
        for (int i = 0; i < half; i++) {
            frequency[i] = 1f / (float) Math.pow(theta, (float) (2 * i) / headDim);
        }
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < half; i++) {
                float angle = p * frequency[i];
                cos[p * half + i] = (float) Math.cos(angle);
                sin[p * half + i] = (float) Math.sin(angle);
            }
        }
    }

    int offset(int position) {
        return position * half;
    }
}
