package longreach.tensor.process;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/**
 * Takes from this process, on Linux, what decoding a file that is open already does not need: opening files, making
 * sockets, starting programs, signalling or reading other processes. It is a seccomp filter over all threads, which no
 * code that runs later can lift; a refused call fails with EPERM. See seccomp(2) and the kernel's
 * {@code Documentation/userspace-api/seccomp_filter.rst}. Elsewhere nothing is taken.
 */
final class Confinement {
    private static final int NO_NEW_PRIVILEGES = 38;
    private static final long SET_FILTER = 1;
    private static final long ALL_THREADS = 1;

    // Classic BPF over struct seccomp_data { int nr; u32 arch; u64 instruction; u64 args[6]; }.
    private static final short LOAD_WORD = 0x20;
    private static final short JUMP_IF_EQUAL = 0x15;
    private static final short JUMP_IF_AT_LEAST = 0x35;
    private static final short RETURN = 0x06;
    private static final int NUMBER = 0;
    private static final int ARCHITECTURE = 4;
    private static final int ALLOW = 0x7FFF_0000;
    private static final int REFUSE = 0x0005_0001;
    // The other calling convention of x86-64 numbers its calls from here.
    private static final int X32_CALLS = 0x4000_0000;

    /** Numbers of the refused calls on one architecture. */
    private record Calls(int architecture, int seccomp, int[] refused) {}

    private static final Calls X86_64 = new Calls(0xC000_003E, 317, new int[] {
        // open, creat, openat, openat2, open_by_handle_at
        2,
        85,
        257,
        437,
        304,
        // socket, connect, socketpair, io_uring_setup
        41,
        42,
        53,
        425,
        // fork, vfork, execve, execveat
        57,
        58,
        59,
        322,
        // kill, tkill, pidfd_open, pidfd_send_signal, pidfd_getfd
        62,
        200,
        434,
        424,
        438,
        // ptrace, process_vm_readv, process_vm_writev, bpf, perf_event_open, userfaultfd, keyctl
        101,
        310,
        311,
        321,
        298,
        323,
        250,
        // rename, renameat, renameat2, unlink, unlinkat, link, linkat, symlink, symlinkat, mkdir, mkdirat, truncate,
        // chmod, fchmodat, mount, unshare, setns
        82,
        264,
        316,
        87,
        263,
        86,
        265,
        88,
        266,
        83,
        258,
        76,
        90,
        268,
        165,
        272,
        308
    });

    private static final Calls AARCH64 = new Calls(0xC000_00B7, 277, new int[] {
        56, 437, 265, 198, 203, 199, 425, 221, 281, 129, 130, 434, 424, 438, 117, 270, 271, 280, 241, 282, 219, 38, 276,
        35, 37, 36, 34, 45, 53, 40, 97, 268
    });

    private final MethodHandle open;
    private final MethodHandle prctl;
    private final MethodHandle syscall;
    private final Calls calls;

    private Confinement(MethodHandle open, MethodHandle prctl, MethodHandle syscall, Calls calls) {
        this.open = open;
        this.prctl = prctl;
        this.syscall = syscall;
        this.calls = calls;
    }

    /** Links what is called later; afterwards nothing has to be loaded any more. */
    static Confinement prepare() {
        Linker linker = Linker.nativeLinker();
        var library = linker.defaultLookup();
        MethodHandle open = linker.downcallHandle(
                library.find("open").orElseThrow(),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
                Linker.Option.firstVariadicArg(2));
        Calls calls = null;
        if (System.getProperty("os.name").equals("Linux")) {
            calls = switch (System.getProperty("os.arch").toLowerCase(Locale.ROOT)) {
                case "amd64", "x86_64" -> X86_64;
                case "aarch64" -> AARCH64;
                default -> null;
            };
        }
        if (calls == null) {
            return new Confinement(open, null, null, null);
        }
        var word = ValueLayout.JAVA_LONG;
        MethodHandle prctl = linker.downcallHandle(
                library.find("prctl").orElseThrow(),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, word, word, word, word),
                Linker.Option.firstVariadicArg(1));
        MethodHandle syscall = linker.downcallHandle(
                library.find("syscall").orElseThrow(),
                FunctionDescriptor.of(word, word, word, word, ValueLayout.ADDRESS),
                Linker.Option.firstVariadicArg(1));
        return new Confinement(open, prctl, syscall, calls);
    }

    /** @return a descriptor that stays open until the process ends */
    int openForReading(String path) throws IOException {
        int descriptor;
        try (Arena arena = Arena.ofConfined()) {
            descriptor = (int) open.invokeExact(arena.allocateFrom(path), 0);
        } catch (Throwable e) {
            throw new IllegalStateException("open cannot be called", e);
        }
        if (descriptor < 0) {
            throw new IOException("the file cannot be opened");
        }
        return descriptor;
    }

    /** @throws IllegalStateException when this kernel has filters and refuses this one */
    void apply() {
        if (calls == null) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            int instructions = 6 + calls.refused().length;
            int refuse = instructions - 1;
            MemorySegment code = arena.allocate(8L * instructions, 8);
            put(code, 0, LOAD_WORD, 0, 0, ARCHITECTURE);
            put(code, 1, JUMP_IF_EQUAL, 0, refuse - 2, calls.architecture());
            put(code, 2, LOAD_WORD, 0, 0, NUMBER);
            put(code, 3, JUMP_IF_AT_LEAST, refuse - 4, 0, X32_CALLS);
            int at = 4;
            for (int call : calls.refused()) {
                put(code, at, JUMP_IF_EQUAL, refuse - at - 1, 0, call);
                at++;
            }
            put(code, at, RETURN, 0, 0, ALLOW);
            put(code, refuse, RETURN, 0, 0, REFUSE);
            MemorySegment program = arena.allocate(16, 8);
            program.set(ValueLayout.JAVA_SHORT, 0, (short) instructions);
            program.set(ValueLayout.ADDRESS, 8, code);
            int refusedPrivileges = (int) prctl.invokeExact(NO_NEW_PRIVILEGES, 1L, 0L, 0L, 0L);
            long refused = (long) syscall.invokeExact((long) calls.seccomp(), SET_FILTER, ALL_THREADS, program);
            if (refusedPrivileges != 0 || refused != 0) {
                throw new IllegalStateException("the kernel refuses the filter of system calls");
            }
        } catch (RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("the filter of system calls cannot be set", e);
        }
    }

    private static void put(MemorySegment code, int at, short operation, int ifTrue, int ifFalse, int value) {
        long from = 8L * at;
        code.set(ValueLayout.JAVA_SHORT, from, operation);
        code.set(ValueLayout.JAVA_BYTE, from + 2, (byte) ifTrue);
        code.set(ValueLayout.JAVA_BYTE, from + 3, (byte) ifFalse);
        code.set(ValueLayout.JAVA_INT, from + 4, value);
    }
}
