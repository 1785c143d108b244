package longreach.tensor.process;

import java.time.Duration;

/**
 * What a child may take.
 *
 * @param heapBytes of its Java heap
 * @param memoryBytes private memory that it may write to in all, its heap included; kept by the operating system where it
 *     knows such a limit
 * @param silence longest time without a sign of progress while somebody waits for it
 * @param messageBytes largest message that is taken from it
 * @param children that may exist at the same time; more wait
 */
public record ChildLimits(long heapBytes, long memoryBytes, Duration silence, int messageBytes, int children) {
    public ChildLimits {
        require(heapBytes >= 16L << 20, "heapBytes", heapBytes, "at least 16 MiB");
        require(memoryBytes > heapBytes, "memoryBytes", memoryBytes, "more than the heap");
        require(silence.isPositive(), "silence", silence, "more than 0");
        require(messageBytes > 0, "messageBytes", messageBytes, "more than 0");
        require(children > 0, "children", children, "at least 1");
    }

    private static void require(boolean valid, String name, Object value, String expected) {
        if (!valid) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: " + expected + ")");
        }
    }
}
