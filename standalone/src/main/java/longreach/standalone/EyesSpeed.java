package longreach.standalone;

import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import longreach.tensor.kernel.KernelSelector;
import longreach.v1.MediaOptions.Resolution;
import longreach.vision.image.Raster;
import longreach.vision.siglip.Eyes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** How long a model that sees looks at an image. */
@Command(name = "eyes", description = "Time of a vision tower for an image, from pixels to soft tokens.")
final class EyesSpeed implements Callable<Integer> {
    private static final int WIDTH = 1200;
    private static final int HEIGHT = 900;

    @Option(
            names = "--eyes",
            paramLabel = "PATH",
            required = true,
            description = "A projector's GGUF file, or the directory of safetensors of a model that sees.")
    private Path eyes;

    @Option(names = "--images", paramLabel = "N", description = "Images looked at (default: ${DEFAULT-VALUE}).")
    private int images = 2;

    @Option(names = "--precision", paramLabel = "f32|fast", description = "As up has it (default: ${DEFAULT-VALUE}).")
    private String precision = "fast";

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Override
    public Integer call() {
        if (images < 1 || images > 1000) {
            throw CommandException.usage("--images: " + images + " (expected: 1 to 1000)");
        }
        var kernels = threads == 0 ? KernelSelector.select() : KernelSelector.select(threads);
        int[] pixels = new int[WIDTH * HEIGHT];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = i * 2_654_435 >> 3 & 0xFFFFFF;
        }
        var raster = new Raster(WIDTH, HEIGHT, pixels);
        try (var seeing = Eyes.load(eyes, kernels, precision.equals("f32"))) {
            System.out.printf(
                    Locale.ROOT,
                    "%s, %d threads, %s%n",
                    kernels.name(),
                    kernels.pool().threads(),
                    seeing.fingerprint());
            var glance = seeing.glances(WIDTH, HEIGHT, Resolution.MEDIUM);
            for (int image = 1; image <= images; image++) {
                long begun = System.nanoTime();
                seeing.look(raster, WIDTH, HEIGHT, glance, () -> {});
                double seconds = (System.nanoTime() - begun) / 1e9;
                System.out.printf(
                        Locale.ROOT,
                        "image %d: %d soft tokens in %.1f s, %.4f images/s%n",
                        image,
                        glance.getFirst().tokens(),
                        seconds,
                        1 / seconds);
            }
        }
        return 0;
    }
}
