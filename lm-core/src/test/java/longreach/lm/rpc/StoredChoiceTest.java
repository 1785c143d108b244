package longreach.lm.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import longreach.store.api.RecordStore;
import longreach.store.api.StoreUnavailableException;
import longreach.store.memory.MemoryContextStore;
import longreach.tensor.kernel.KernelSelector;
import org.junit.jupiter.api.Test;

class StoredChoiceTest {
    @Test
    void anotherProcessOnTheStoreRecallsIt() {
        try (var store = new MemoryContextStore(1 << 20)) {
            var tenant = store.tenant("/deployment");
            var choice = new StoredChoice(store, tenant, KernelSelector.processor());
            assertThat(choice.recall()).isEmpty();
            choice.remember("java+bf16");
            assertThat(new StoredChoice(store, tenant, KernelSelector.processor()).recall())
                    .contains("java+bf16");
            assertThat(new StoredChoice(store, tenant, "another").recall()).isEmpty();
        }
    }

    @Test
    void aStoreThatIsAwayKeepsNobodyFromStarting() {
        var away = (RecordStore) Proxy.newProxyInstance(
                RecordStore.class.getClassLoader(), new Class<?>[] {RecordStore.class}, (proxy, method, arguments) -> {
                    throw new StoreUnavailableException("away", null);
                });
        try (var store = new MemoryContextStore(1 << 20)) {
            var choice = new StoredChoice(away, store.tenant("/deployment"), "p");
            assertThat(choice.recall()).isEmpty();
            choice.remember("java");
        }
    }
}
