package longreach.standalone;

import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What a shell needs to complete commands and options. */
@Command(
        name = "completion",
        description = "Print a completion script for a shell.",
        footer = {
            "",
            "bash:  source <(./longreach completion bash)",
            "zsh:   source <(./longreach completion zsh)",
            "fish:  ./longreach completion fish | source"
        })
final class CompletionCommand implements Callable<Integer> {
    private static final String PROGRAM = "longreach";

    enum Shell {
        bash,
        zsh,
        fish
    }

    @Parameters(paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}")
    private Shell shell;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        var root = spec.root().commandLine();
        System.out.print(
                switch (shell) {
                    case bash -> AutoComplete.bash(PROGRAM, root);
                    // It has a layer that runs scripts for bash.
                    case zsh -> "autoload -U +X bashcompinit && bashcompinit\n" + AutoComplete.bash(PROGRAM, root);
                    case fish -> fish(root);
                });
        return 0;
    }

    private static String fish(CommandLine root) {
        var out = new StringBuilder("complete -c longreach -e\n");
        var names = String.join(" ", new TreeSet<>(root.getSubcommands().keySet()));
        root.getSubcommands().forEach((name, command) -> {
            out.append("complete -c longreach -f -n 'not __fish_seen_subcommand_from ")
                    .append(names)
                    .append("' -a ")
                    .append(name)
                    .append(described(command.getCommandSpec().usageMessage().description()))
                    .append('\n');
            var seen = " -n '__fish_seen_subcommand_from " + name + "'";
            command.getSubcommands()
                    .forEach((inner, deeper) -> out.append("complete -c longreach -f")
                            .append(seen)
                            .append(" -a ")
                            .append(inner)
                            .append(described(
                                    deeper.getCommandSpec().usageMessage().description()))
                            .append('\n'));
            command.getCommandSpec().options().stream()
                    .filter(option -> !option.hidden())
                    .forEach(
                            option -> option(out.append("complete -c longreach").append(seen), option));
        });
        return out.toString();
    }

    private static void option(StringBuilder out, OptionSpec option) {
        for (var name : option.names()) {
            out.append(name.startsWith("--") ? " -l " + name.substring(2) : " -s " + name.substring(1));
        }
        if (option.arity().max() > 0) {
            out.append(" -r");
        }
        out.append(described(option.description())).append('\n');
    }

    private static String described(String[] description) {
        return description.length == 0
                ? ""
                : " -d '" + description[0].replace("\\", "\\\\").replace("'", "\\'") + "'";
    }
}
