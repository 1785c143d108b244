package longreach.gateway.call;

/** The one who waits for the answer. Asked now and then while the gateway itself waits for another service. */
@FunctionalInterface
public interface Caller {
    /** Somebody who does not leave: a background job, a test. */
    Caller PATIENT = () -> {};

    /**
     * Called from the thread that works for this caller.
     *
     * @throws longreach.gateway.error.ApiException CANCELLED when the caller is gone
     */
    void checkStillThere();
}
