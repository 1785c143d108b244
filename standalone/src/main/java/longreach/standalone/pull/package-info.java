/**
 * Fetching model weights: a catalogue of what can be had and from where, and downloads that are verified by SHA-256
 * before they are moved into the model cache, so that a file in the cache is always a whole and right one.
 */
package longreach.standalone.pull;
