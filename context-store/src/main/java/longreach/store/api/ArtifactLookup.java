package longreach.store.api;

/** The answer for one artifact. */
public sealed interface ArtifactLookup {
    /** @param value the caller's own */
    record Hit(byte[] value) implements ArtifactLookup {}

    record Miss(MissReason reason) implements ArtifactLookup {}
}
