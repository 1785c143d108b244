package longreach.standalone.speed;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** The kernel's account of a process' resident memory. */
public final class PeakMemory {
    private PeakMemory() {}

    /** The most that the running process has had so far, bytes; empty where /proc has no such account. */
    public static OptionalLong of(long process) {
        return line(process, "VmHWM:");
    }

    /** What the running process has now, bytes; empty where /proc has no such account. */
    public static OptionalLong now(long process) {
        return line(process, "VmRSS:");
    }

    private static OptionalLong line(long process, String name) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + process + "/status"))) {
                if (line.startsWith(name)) {
                    return OptionalLong.of(Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024);
                }
            }
        } catch (IOException e) {
            return OptionalLong.empty(); // another system than Linux, or the process has ended
        }
        return OptionalLong.empty();
    }
}
