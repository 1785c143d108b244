package longreach.standalone.speed;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * The share of the machine's processor time that programs other than this one and its children took since this object was
 * made, the hypervisor's other guests included. With two threads on two cores, one busy program makes a token take three
 * times as long: a figure says little without this one.
 */
public final class OtherPrograms {
    private static final Path MACHINE = Path.of("/proc/stat");
    private static final int IDLE = 3;
    private static final int IO_WAIT = 4;
    private static final int STATES = 8;

    private final OptionalLong all;
    private final OptionalLong others;

    public OtherPrograms() {
        all = machine(true);
        others = others();
    }

    /** In [0, 1]; empty where /proc has no such account. */
    public OptionalDouble share() {
        OptionalLong allNow = machine(true);
        OptionalLong othersNow = others();
        if (all.isEmpty() || others.isEmpty() || allNow.isEmpty() || othersNow.isEmpty()) {
            return OptionalDouble.empty();
        }
        return OptionalDouble.of(
                share(allNow.getAsLong() - all.getAsLong(), othersNow.getAsLong() - others.getAsLong()));
    }

    // Accounts are written at different moments: a difference can be a tick below zero.
    static double share(long all, long others) {
        return all <= 0 ? 0 : Math.clamp((double) others / all, 0, 1);
    }

    private static OptionalLong others() {
        OptionalLong busy = machine(false);
        OptionalLong own = read("self", true);
        if (busy.isEmpty() || own.isEmpty()) {
            return OptionalLong.empty();
        }
        long children = ProcessHandle.current()
                .descendants()
                .mapToLong(child -> read(Long.toString(child.pid()), false).orElse(0))
                .sum();
        return OptionalLong.of(busy.getAsLong() - own.getAsLong() - children);
    }

    private static OptionalLong machine(boolean idle) {
        try (var lines = Files.lines(MACHINE)) {
            return machine(lines.findFirst().orElse(""), idle);
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }

    /** Ticks of all processors, from the first line of /proc/stat (proc(5)); with those in which they had nothing to do. */
    static OptionalLong machine(String line, boolean idle) {
        String[] fields = line.trim().split(" +");
        if (fields.length <= STATES || !fields[0].equals("cpu")) {
            return OptionalLong.empty();
        }
        long ticks = 0;
        for (int i = 0; i < STATES; i++) {
            if (idle || i != IDLE && i != IO_WAIT) {
                ticks += Long.parseLong(fields[1 + i]);
            }
        }
        return OptionalLong.of(ticks);
    }

    private static OptionalLong read(String id, boolean endedChildren) {
        try {
            return process(Files.readString(Path.of("/proc", id, "stat")), endedChildren);
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }

    /** Ticks of a process, from its stat (proc(5)): utime and stime; those of children that ended too if wanted. */
    static OptionalLong process(String stat, boolean endedChildren) {
        // The program's name may hold spaces and parentheses; the state, field 3, follows the last one.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 1).trim().split(" +");
        if (fields.length < 15) {
            return OptionalLong.empty();
        }
        long ticks = Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
        if (endedChildren) {
            ticks += Long.parseLong(fields[13]) + Long.parseLong(fields[14]);
        }
        return OptionalLong.of(ticks);
    }
}
