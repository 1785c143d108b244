package longreach.standalone;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** The models that can be had, and which of them are here. */
@Command(name = "models", description = "List the models that can be pulled, and which are here already.")
final class ModelsCommand implements Callable<Integer> {
    @Override
    public Integer call() {
        Weights.print(System.out);
        return 0;
    }
}
