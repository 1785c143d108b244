/**
 * The engine's speed beside another engine's: the same tokens of the same file on as many threads, in turn, so that a
 * machine whose speed wanders does it to both.
 */
package longreach.standalone.speed;
