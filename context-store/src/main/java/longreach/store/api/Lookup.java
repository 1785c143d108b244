package longreach.store.api;

/** The answer for one key. */
public sealed interface Lookup {
    record Hit(Chunk chunk) implements Lookup {}

    record Miss(MissReason reason) implements Lookup {}
}
