package longreach.tensor.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Random;
import longreach.tensor.weights.Dequantiser;
import longreach.tensor.weights.Tensor;
import longreach.tensor.weights.TensorType;

/** Random stored tensors of every type: random bits, but scales and floats that are finite and of sane size. */
final class TestTensors {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private TestTensors() {}

    static Tensor random(TensorType type, int rows, int cols, Random random) {
        byte[] bytes = new byte[(int) (rows * Dequantiser.bytes(type, cols))];
        random.nextBytes(bytes);
        MemorySegment data = Arena.ofAuto().allocate(bytes.length, 64);
        data.copyFrom(MemorySegment.ofArray(bytes));
        for (long block = 0; block < bytes.length; block += type.blockBytes) {
            switch (type) {
                case F32 -> data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, block, (float) random.nextGaussian());
                case F16, Q4_0, Q8_0 -> half(data, block, random);
                case BF16 -> {
                    int bits = Float.floatToIntBits((float) random.nextGaussian());
                    data.set(SHORT, block, (short) (bits >> 16));
                }
                case Q4_1, Q4_K, Q5_K -> {
                    half(data, block, random);
                    half(data, block + 2, random);
                }
                case Q6_K -> half(data, block + 208, random);
            }
        }
        return new Tensor("random", type, new long[] {rows, cols}, data);
    }

    private static void half(MemorySegment data, long offset, Random random) {
        data.set(SHORT, offset, Float.floatToFloat16((float) random.nextGaussian() / 100));
    }
}
