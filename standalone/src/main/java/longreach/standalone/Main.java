package longreach.standalone;

import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** The command line; {@code ./longreach} builds it and passes its arguments on. */
@Command(
        name = "./longreach",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        description = "Ask long videos, recordings and documents, on your own machine.",
        subcommands = {
            DemoCommand.class,
            UpCommand.class,
            AskCommand.class,
            ChatCommand.class,
            FilesCommand.class,
            CacheCommand.class,
            CountCommand.class,
            KeysCommand.class,
            InspectCommand.class,
            PullCommand.class,
            ModelsCommand.class,
            BenchCommand.class,
            LogitsCommand.class,
            DoctorCommand.class,
            CompletionCommand.class
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:done", "1:failed", "2:wrong usage", "3:something this machine lacks", "130:interrupted"})
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        StandardError.restore();
        System.exit(run(arguments));
    }

    /** Runs one command, and leaves the process running. @return the exit code */
    public static int run(String... arguments) {
        var commands = new CommandLine(new Main());
        commands.setExecutionExceptionHandler((exception, line, parsed) -> {
            if (exception instanceof CommandException known) {
                line.getErr().println("longreach: " + known.getMessage());
                return known.exitCode();
            }
            line.getErr().println("longreach: unexpected " + exception);
            exception.printStackTrace(line.getErr());
            return CommandException.FAILED;
        });
        commands.getSubcommands().values().forEach(Main::withHelp);
        return commands.execute(arguments);
    }

    private static void withHelp(CommandLine command) {
        if (command.getCommandSpec().findOption("--help") == null) {
            command.getCommandSpec().mixinStandardHelpOptions(true);
        }
        command.getSubcommands().values().forEach(Main::withHelp);
    }

    /** The version in the jar's manifest. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {
                "longreach "
                        + Optional.ofNullable(Main.class.getPackage().getImplementationVersion())
                                .orElse("(not packaged)")
            };
        }
    }
}
