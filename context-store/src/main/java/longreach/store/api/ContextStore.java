package longreach.store.api;

/** A whole store: chunks, artifacts, records, quotas and their administration. */
public interface ContextStore extends ChunkStore, ArtifactStore, RecordStore, QuotaStore, StoreAdmin {}
