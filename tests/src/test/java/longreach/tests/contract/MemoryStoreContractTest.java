package longreach.tests.contract;

import longreach.store.api.ContextStore;
import longreach.store.memory.MemoryContextStore;

class MemoryStoreContractTest extends ContextStoreContract {
    private static final ContextStore STORE = new MemoryContextStore(256 << 20, QUOTA_MEGABYTES << 20);

    @Override
    ContextStore store() {
        return STORE;
    }
}
