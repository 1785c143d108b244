package longreach.tensor.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DequantiserGoldenTest {
    @ParameterizedTest
    @EnumSource(TensorType.class)
    void equalsTheGgufPackageBitForBit(TensorType type) throws Exception {
        Path path = Path.of(getClass().getResource("/golden/dequantised.gguf").toURI());
        try (var file = GgufFile.open(path)) {
            Tensor stored = file.tensor("stored." + type, 2, 512);
            assertThat(stored.type()).isEqualTo(type);
            assertThat(bits(stored)).isEqualTo(bits(file.tensor("expected." + type, 2, 512)));
        }
    }

    private static int[] bits(Tensor tensor) {
        int n = (int) tensor.elements();
        float[] values = new float[n];
        Dequantiser.elements(tensor.type(), tensor.data(), 0, n, values, 0);
        int[] bits = new int[n];
        Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
        return bits;
    }
}
