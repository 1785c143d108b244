package longreach.lm.rpc;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import longreach.store.api.RecordStore;
import longreach.store.api.RecordStore.RecordId;
import longreach.store.api.StoreUnavailableException;
import longreach.store.api.Tenant;
import longreach.tensor.kernel.ChoiceMemory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps the choice of kernels with the chunks that are computed by them, so that all processes on one store choose alike. */
final class StoredChoice implements ChoiceMemory {
    private static final Logger log = LoggerFactory.getLogger(StoredChoice.class);

    private final RecordStore store;
    private final Tenant tenant;
    private final RecordId id;

    /** @param tenant the deployment itself @param processor tells kinds of processors apart: lower-case letters and digits */
    StoredChoice(RecordStore store, Tenant tenant, String processor) {
        this.store = store;
        this.tenant = tenant;
        id = new RecordId("kernels", processor);
    }

    @Override
    public Optional<String> recall() {
        try {
            return store.getRecord(tenant, id).map(value -> new String(value, StandardCharsets.UTF_8));
        } catch (StoreUnavailableException e) {
            log.info("which kernels were chosen before cannot be asked: {}", e.getMessage());
            return Optional.empty();
        }
    }

    @Override
    public void remember(String choice) {
        try {
            store.putRecord(tenant, id, choice.getBytes(StandardCharsets.UTF_8), Duration.ZERO);
        } catch (StoreUnavailableException e) {
            log.warn(
                    "which kernels were chosen cannot be kept, and may be others after the next start: {}",
                    e.getMessage());
        }
    }
}
