package longreach.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import longreach.tensor.weights.TensorType;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The comparisons of {@link VectorKernelsTest} at other vector widths than the machine's own, such as NEON's 128 bits. The
 * width is fixed when a process starts, so each has one of its own.
 */
class LaneWidthTest {
    @ParameterizedTest
    @ValueSource(ints = {128, 256, 512})
    void kernelsAgreeWithScalarOnes(int bits) throws Exception {
        int own = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        Assumptions.assumeTrue(
                bits < own, "vectors of this machine have " + own + " bits: " + bits + " tried elsewhere");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        // The flags of this process, without an agent's or a debugger's.
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(flag -> flag.startsWith("-XX:") || flag.startsWith("--"))
                .forEach(command::add);
        command.addAll(List.of(
                "-Dlongreach.vector.bits=" + bits,
                "-cp",
                System.getProperty("java.class.path"),
                LaneWidthTest.class.getName()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try {
            String output = new String(process.getInputStream().readAllBytes());
            assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
            assertThat(process.exitValue()).as(output).isZero();
            assertThat(output).contains("agree at " + bits + " bits");
        } finally {
            process.destroyForcibly();
        }
    }

    /** In the process of its own. */
    public static void main(String[] args) {
        var test = new VectorKernelsTest();
        for (TensorType type : TensorType.values()) {
            test.matmulAgreesForEveryTypeAndShape(type);
            test.packedWeightsAreTheStoredOnesBitForBit(type);
            test.decodeIsExactWhereRoundingIs(type);
        }
        VectorKernelsTest.sizes().forEach(test::elementwiseAgrees);
        test.anActivationIsTheSameToTheLastBitWhereverItLies();
        test.layerNormAgrees();
        test.ropeAgrees(false);
        test.ropeAgrees(true);
        test.aPageHasTheSameBytesHoweverItIsWritten(64);
        test.attentionAgrees(VectorKernelsTest.shapes().toList().get(2));
        test.attentionAgrees(VectorKernelsTest.shapes().toList().get(4));
        test.close();
        System.out.println("agree at " + Lanes.F.vectorBitSize() + " bits");
    }
}
