package longreach.standalone;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Fetches model weights. */
@Command(
        name = "pull",
        description = "Fetch model weights, verify their digests and keep them in the user's cache.",
        footer = {
            "",
            "An interrupted download goes on where it stopped. ./longreach models lists the names.",
            "Gemma is for those who have accepted its licence on the Hugging Face hub; a token of such an account is"
                    + " read from --token-file or the environment's HF_TOKEN. HF_ENDPOINT names a mirror."
        })
final class PullCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "NAME", description = "Models, such as gemma-3-270m-it.")
    private List<String> names;

    @Option(names = "--token-file", paramLabel = "FILE", description = "A file that holds the hub's token.")
    private Path tokenFile;

    @Option(
            names = "--revision",
            paramLabel = "REV",
            description = "Branch, tag or commit of the hub (default: what is here already, else the newest).")
    private String revision;

    @Override
    public Integer call() {
        if (revision != null && !revision.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")) {
            throw CommandException.usage("--revision: " + revision + " (expected: a branch, tag or commit)");
        }
        names.forEach(name -> Weights.pull(name, tokenFile, revision));
        return 0;
    }
}
