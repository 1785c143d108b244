package longreach.tensor.kernel;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the kernels once, at start, and logs the choice. The system property {@code longreach.kernels} forces one:
 * {@code vector} is Java alone, {@code onednn} multiplies the panels of prompts through oneDNN, {@code bf16} prompts of the
 * fast precision in that number format, {@code scalar} is for comparison; {@code auto}, the default, is {@code vector} until
 * {@link KernelCheck} finds the kernels warm, and then what loads and a short measurement shows ahead. {@code longreach.threads} sets the number of computing threads, by default one per physical core.
 */
public final class KernelSelector {
    private static final Logger log = LoggerFactory.getLogger(KernelSelector.class);

    private KernelSelector() {}

    /** The best kernels for this machine, with a pool of {@link #defaultThreads} threads that lives as long as they. */
    public static Kernels select() {
        return select(defaultThreads());
    }

    public static Kernels select(int threads) {
        Kernels kernels = create(System.getProperty("longreach.kernels", "auto"), new ComputePool(threads));
        log.info("kernels: {} on {} threads", kernels.name(), threads);
        return kernels;
    }

    /**
     * @throws IllegalArgumentException for an unknown name
     * @throws UnsupportedOperationException for {@code onednn} and {@code bf16} where it does not work
     */
    public static Kernels create(String name, ComputePool pool) {
        return switch (name) {
            case "auto" -> VectorKernels.undecided(pool);
            case "vector" -> new VectorKernels(pool);
            case "onednn" -> new VectorKernels(pool, true, false);
            case "bf16" -> new VectorKernels(pool, false, true);
            case "scalar" -> new ScalarKernels(pool);
            default ->
                throw new IllegalArgumentException(
                        "longreach.kernels: " + name + " (expected: auto, vector, onednn, bf16 or scalar)");
        };
    }

    /** Lets kernels that have yet to choose how prompts are multiplied choose as before; others stay as they are. */
    public static void remember(Kernels kernels, ChoiceMemory memory) {
        if (kernels instanceof VectorKernels vector) {
            vector.remembering(memory);
        }
    }

    /**
     * Tells this kind of processor from others: 32 hexadecimal digits of a digest of its name, its features and the vectors'
     * width. What is fastest on one need not be on another.
     */
    public static String processor() {
        var told = new StringBuilder(System.getProperty("os.arch")).append('/').append(Lanes.F.vectorBitSize());
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            lines.takeWhile(line -> !line.isBlank())
                    .filter(line ->
                            line.startsWith("model name") || line.startsWith("flags") || line.startsWith("Features"))
                    .forEach(line -> told.append('\n').append(line));
        } catch (IOException | UncheckedIOException e) {
            log.debug("no list of the processor's features: {}", e.toString());
        }
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256").digest(told.toString().getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The system property {@code longreach.threads}, else physical cores, at most the processors that we may use. */
    public static int defaultThreads() {
        Integer forced = Integer.getInteger("longreach.threads");
        if (forced != null) {
            return forced;
        }
        int processors = Runtime.getRuntime().availableProcessors();
        int cores = physicalCores(Path.of("/sys/devices/system/cpu"));
        return cores == 0 ? processors : Math.min(cores, processors);
    }

    /** Distinct sets of hyperthread siblings, as Linux lists them; 0 when it does not. */
    static int physicalCores(Path cpus) {
        if (!Files.isDirectory(cpus)) {
            return 0;
        }
        try (Stream<Path> entries = Files.list(cpus)) {
            return (int) entries.map(cpu -> cpu.resolve("topology/thread_siblings_list"))
                    .filter(Files::isReadable)
                    .map(KernelSelector::readLine)
                    .distinct()
                    .count();
        } catch (IOException | UncheckedIOException e) {
            log.debug("no processor topology: {}", e.toString());
            return 0;
        }
    }

    private static String readLine(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
