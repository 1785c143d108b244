package longreach.tensor.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** oneDNN's own threads are not wanted: the pool's threads each compute their share. */
final class OpenMp {
    private static final MethodHandle SET_THREADS = setThreads();

    private OpenMp() {}

    /** For calls of this thread from now on. */
    static void oneThread() {
        try {
            SET_THREADS.invokeExact(1);
        } catch (Throwable e) {
            throw new IllegalStateException("omp_set_num_threads does not throw", e);
        }
    }

    private static MethodHandle setThreads() {
        for (String library : new String[] {"libgomp.so.1", "libomp.so", "libiomp5.so", "libomp.dylib"}) {
            try {
                return SymbolLookup.libraryLookup(library, Arena.global())
                        .find("omp_set_num_threads")
                        .map(symbol -> Linker.nativeLinker()
                                .downcallHandle(symbol, FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT)))
                        .orElseThrow();
            } catch (IllegalArgumentException | java.util.NoSuchElementException e) {
                // Not this one: which of them oneDNN was built with depends on the platform.
                continue;
            }
        }
        throw new UnsupportedOperationException("its OpenMP library is not found");
    }
}
