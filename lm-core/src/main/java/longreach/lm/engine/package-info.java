/**
 * The engine: takes requests, steps the model over all running ones on one thread, and hands their tokens on. Plain Java;
 * {@link longreach.lm.rpc} is its shell.
 */
package longreach.lm.engine;
