package longreach.standalone.speed;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** The kernel's account of a process' resident memory. */
final class PeakMemory {
    private PeakMemory() {}

    /** The most that the running process has had so far, bytes; empty where /proc has no such account. */
    static OptionalLong of(long process) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + process + "/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return OptionalLong.of(Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024);
                }
            }
        } catch (IOException e) {
            return OptionalLong.empty(); // another system than Linux, or the process has ended
        }
        return OptionalLong.empty();
    }
}
