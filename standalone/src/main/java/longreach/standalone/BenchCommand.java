package longreach.standalone;

import picocli.CommandLine.Command;

/** The measurements. */
@Command(
        name = "bench",
        description =
                "Measure this machine: the engine's or its kernels' speed, many streams at once, the gateway alone, "
                        + "what stored contexts save, what guessing gains, what schemas cost, which prompt layout is "
                        + "best, what is found in long contexts, how fast video and speech are taken in.",
        subcommands = {
            EngineSpeed.class,
            KernelsBench.class,
            ServingSpeed.class,
            GatewaySpeed.class,
            ContextSpeed.class,
            SpeculationBench.class,
            FormSpeed.class,
            EyesSpeed.class,
            LayoutBench.class,
            NeedleCommand.class,
            EncodeSpeed.class
        },
        subcommandsRepeatable = false)
final class BenchCommand implements Runnable {
    @Override
    public void run() {
        throw CommandException.usage(
                "bench: nothing to measure named (expected: engine, kernels, serving, gateway, context, speculation,"
                        + " form, eyes, layout, needle or encode)");
    }
}
