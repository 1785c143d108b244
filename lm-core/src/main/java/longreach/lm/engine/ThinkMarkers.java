package longreach.lm.engine;

/**
 * The two tokens that a model writes around its thoughts.
 *
 * @param open begins them
 * @param close ends them
 */
public record ThinkMarkers(int open, int close) {}
