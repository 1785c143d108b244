package longreach.standalone;

import picocli.CommandLine.Command;

/** The measurements. */
@Command(
        name = "bench",
        description = "Measure this machine: the engine's speed, or which prompt layout answers best.",
        subcommands = {EngineSpeed.class, LayoutBench.class},
        subcommandsRepeatable = false)
final class BenchCommand implements Runnable {
    @Override
    public void run() {
        throw CommandException.usage("bench: nothing to measure named (expected: engine or layout)");
    }
}
