package longreach.standalone;

import java.util.Set;
import java.util.concurrent.Callable;
import longreach.tensor.kernel.KernelReport;
import longreach.tensor.kernel.KernelSelector;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The matrix kernels beside what the machine's memory and arithmetic allow. */
@Command(name = "kernels", description = "Speed of every matrix kernel beside the machine's own limits.")
final class KernelsBench implements Callable<Integer> {
    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one for each core).")
    private int threads;

    @Option(
            names = "--filter",
            split = ",",
            paramLabel = "FORMAT",
            description = "Only weights of these formats, such as q4,q8,q4k,q5k,q6k,f16,bf16,f32 (default: all).")
    private Set<String> formats = Set.copyOf(KernelReport.formats());

    @Override
    public Integer call() {
        try {
            KernelReport.print(threads > 0 ? threads : KernelSelector.defaultThreads(), formats, System.out);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage("bench kernels: " + e.getMessage());
        }
        return 0;
    }
}
