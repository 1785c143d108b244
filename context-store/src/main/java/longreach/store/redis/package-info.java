/**
 * The Redis tier, over Lettuce, and the real Redis that runs beside a standalone process. Reads walk several
 * connections at once; writes wait in bounded memory; a link that stalls or breaks is cut, costs nothing while it is
 * down, and comes back by itself.
 */
package longreach.store.redis;
