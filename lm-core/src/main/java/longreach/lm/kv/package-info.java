/**
 * The KV cache: pages that attention reads, chunks that the store keeps, and the keys and plans that connect them.
 *
 * <p>A chunk's payload holds, for each layer in order, the unrotated keys [tokens, kvWidth] and then the values
 * [tokens, kvWidth], in the element type of the pages. What is computed is rounded to that type first and only then
 * rotated into its page, so a restored position equals a computed one bit for bit.
 */
package longreach.lm.kv;
