package longreach.store.api;

import java.lang.foreign.MemorySegment;

/**
 * A chunk that was found and verified.
 *
 * @param payload {@code header.payloadBytes()} bytes, 64-byte aligned, read-only; owned by the {@link LookupResult}
 *     that it came from and valid until that is closed
 */
public record Chunk(ChunkHeader header, MemorySegment payload) {}
