/**
 * Cached contents: a prompt's beginning that is laid out and prefilled once, kept in the context store under a name and
 * a time to live, and gone on from by any number of requests.
 */
package longreach.gateway.cache;
