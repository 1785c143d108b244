package longreach.store.api;

/** A whole store: chunks, artifacts and their administration over one set of connections. */
public interface ContextStore extends ChunkStore, ArtifactStore, StoreAdmin {}
