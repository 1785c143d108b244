package longreach.store.api;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Named values of a tenant that are listed, replaced and deleted, such as its cached contents. Nothing can make a lost
 * record again, so unlike lookups of chunks these report that the store cannot be reached.
 */
public interface RecordStore {
    /** @param name 1 to 64 lower-case letters, digits and dashes @param kind 1 to 32 lower-case letters and dashes */
    record RecordId(String kind, String name) {
        public RecordId {
            checkKind(kind);
            if (!name.matches("[a-z0-9-]{1,64}")) {
                throw new IllegalArgumentException(
                        "record name: " + name.length() + " characters (expected: 1 to 64 of a-z, 0-9 and -)");
            }
        }
    }

    record StoredRecord(String name, byte[] value) {}

    /**
     * Writes and waits for the answer.
     *
     * @param ttl zero: the store's default
     * @throws StoreUnavailableException when it was not stored, for whatever reason
     * @throws IllegalArgumentException when the value is larger than the store takes
     */
    void putRecord(Tenant tenant, RecordId id, byte[] value, Duration ttl);

    /** @throws StoreUnavailableException when it cannot be said whether there is one */
    Optional<byte[]> getRecord(Tenant tenant, RecordId id);

    /** All of a kind by name; what is damaged or foreign is left out. @throws StoreUnavailableException */
    List<StoredRecord> records(Tenant tenant, String kind);

    /** @return whether there was one @throws StoreUnavailableException */
    boolean deleteRecord(Tenant tenant, RecordId id);

    static String checkKind(String kind) {
        if (!kind.matches("[a-z-]{1,32}")) {
            throw new IllegalArgumentException(
                    "record kind: " + kind.length() + " characters (expected: 1 to 32 of a-z and -)");
        }
        return kind;
    }
}
