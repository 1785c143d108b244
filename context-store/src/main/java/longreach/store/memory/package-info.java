/** The in-process tier: bounded by bytes, least recently used first out. Also the test double of the Redis one. */
package longreach.store.memory;
