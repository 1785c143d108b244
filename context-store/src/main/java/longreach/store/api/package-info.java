/**
 * The contract of the context store: key, header, lookup and publication of chunks, artifacts by digest, erasure.
 * Free of Redis and Spring, so that an engine and its tests need nothing else.
 */
package longreach.store.api;
