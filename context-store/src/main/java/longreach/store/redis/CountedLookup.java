package longreach.store.redis;

import java.util.ArrayList;
import java.util.List;
import longreach.store.api.ChunkKey;
import longreach.store.api.Lookup;
import longreach.store.api.LookupResult;
import longreach.store.api.MissReason;
import longreach.store.api.Tenant;

/** A lookup where chunks are counted: it tells why the first missing one is not there, and notes those that were read. */
final class CountedLookup {
    private final RedisIndex index;
    private final RedisLink.Session session;
    private final Tenant tenant;
    private final List<ChunkKey> keys;
    private final Patience patience;
    private boolean explained;

    CountedLookup(RedisIndex index, RedisLink.Session session, Tenant tenant, List<ChunkKey> keys, Patience patience) {
        this.index = index;
        this.session = session;
        this.tenant = tenant;
        this.keys = keys;
        this.patience = patience;
    }

    Reply explained(int position, Reply reply) {
        if (explained || !index.on() || !(reply instanceof Reply.None none) || none.reason() != MissReason.ABSENT) {
            return reply;
        }
        explained = true;
        return new Reply.None(index.reason(session, tenant, keys.get(position), patience));
    }

    LookupResult over(LookupResult lookup) {
        return index.on() ? new Noting(lookup) : lookup;
    }

    private final class Noting implements LookupResult {
        private final LookupResult lookup;
        private final List<ChunkKey> read = new ArrayList<>();

        Noting(LookupResult lookup) {
            this.lookup = lookup;
        }

        @Override
        public int size() {
            return lookup.size();
        }

        @Override
        public Lookup entry(int position) {
            Lookup entry = lookup.entry(position);
            if (entry instanceof Lookup.Hit) {
                read.add(keys.get(position));
            }
            return entry;
        }

        @Override
        public void release(int position) {
            lookup.release(position);
        }

        @Override
        public void close() {
            lookup.close();
            index.used(session, tenant, List.copyOf(read));
            read.clear();
        }
    }
}
