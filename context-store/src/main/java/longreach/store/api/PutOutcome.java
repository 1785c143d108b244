package longreach.store.api;

/** What became of a publication at the time of asking. */
public enum PutOutcome {
    /** Will be written; a failure after this is counted and otherwise silent. */
    ACCEPTED,
    /** The store takes values more slowly than they are made: memory for waiting ones is full. */
    DROPPED_BUSY,
    DROPPED_DOWN,
    DROPPED_TOO_LARGE,
    /** Nothing of the tenant's that may go would make room for it; where that is known only later, it is counted. */
    DROPPED_OVER_QUOTA,
    DROPPED_CLOSED
}
