package longreach.store.redis;

import java.util.Objects;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;

/** The answers of a store that is down: nothing was asked. */
record DownLookup(int size) implements LookupResult {
    private static final Lookup DOWN = new Lookup.Miss(MissReason.DOWN);

    @Override
    public Lookup entry(int position) {
        Objects.checkIndex(position, size);
        return DOWN;
    }

    @Override
    public void close() {
        // Holds nothing.
    }
}
