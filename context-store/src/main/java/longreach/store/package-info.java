/**
 * Context store: bytes by key. It keeps the keys and values of prefilled tokens chunk by chunk, and small encoder
 * outputs by digest, in Redis or in memory; it knows no model. lm-core uses it as a library on the data path; a small
 * control service answers for statistics, erasure and artifacts. Whatever goes wrong in here is a miss with a reason.
 */
package longreach.store;
