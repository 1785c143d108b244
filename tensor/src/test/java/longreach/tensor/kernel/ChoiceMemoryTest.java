package longreach.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ChoiceMemoryTest {
    private final ComputePool pool = new ComputePool(1);
    private final List<String> told = new ArrayList<>();

    @AfterEach
    void close() {
        pool.close();
    }

    private VectorKernels decided(String before) {
        VectorKernels kernels = VectorKernels.undecided(pool);
        KernelSelector.remember(kernels, new ChoiceMemory() {
            @Override
            public Optional<String> recall() {
                return Optional.ofNullable(before);
            }

            @Override
            public void remember(String choice) {
                told.add(choice);
            }
        });
        kernels.decide();
        return kernels;
    }

    @Test
    void whatWasChosenBeforeIsChosenAgainUnmeasured() {
        long began = System.nanoTime();
        assertThat(decided("java").prefillType()).isEqualTo("f32");
        assertThat(told).containsExactly("java");
        // A measurement runs fifty products at least and waits until they are steady for 300 ms.
        assertThat(System.nanoTime() - began).isLessThan(300_000_000L);
    }

    @Test
    void alsoInBf16() {
        boolean has;
        try {
            new Bf16Products(pool);
            has = true;
        } catch (UnsupportedOperationException e) {
            has = false;
        }
        assumeTrue(has, "oneDNN has no product in bf16 here");
        assertThat(decided("java+bf16").prefillType()).isEqualTo("bf16");
        assertThat(told).containsExactly("java+bf16");
    }

    @Test
    void whatNobodyKnowsIsMeasured() {
        VectorKernels kernels = decided("quantum");
        assertThat(told).doesNotContain("quantum");
        told.forEach(choice -> assertThat(choice.endsWith("+bf16"))
                .isEqualTo(kernels.prefillType().equals("bf16")));
    }

    @Test
    void choicesAreReadAsTheyAreWritten() {
        for (String choice : List.of("java", "onednn", "java+bf16", "onednn+bf16")) {
            assertThat(OneDnnTrial.of(choice).orElseThrow().choice()).isEqualTo(choice);
        }
        assertThat(OneDnnTrial.of("")).isEmpty();
    }

    @Test
    void aProcessorHasAName() {
        assertThat(KernelSelector.processor()).matches("[0-9a-f]{32}").isEqualTo(KernelSelector.processor());
    }
}
