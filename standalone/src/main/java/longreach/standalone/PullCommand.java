package longreach.standalone;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Fetches model weights. */
@Command(
        name = "pull",
        description = "Fetch model weights, verify their SHA-256 and keep them in the user's cache.",
        footer = {"", "An interrupted download goes on where it stopped. ./longreach models lists the names."})
final class PullCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "NAME", description = "Models, such as smollm2-135m.")
    private List<String> names;

    @Override
    public Integer call() {
        names.forEach(Weights::pull);
        return 0;
    }
}
