package longreach.store.api;

/** A whole store: chunks, artifacts, records, quotas, jobs and their administration. */
public interface ContextStore extends ChunkStore, ArtifactStore, RecordStore, QuotaStore, JobQueue, StoreAdmin {}
