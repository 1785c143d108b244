package longreach.store.redis;

import longreach.store.api.MissReason;

/** What came of waiting for one value: the value, or why there is none. */
sealed interface Reply {
    record Value(Buffer buffer) implements Reply {}

    record None(MissReason reason) implements Reply {}
}
