/**
 * The KV cache: pages that attention reads, chunks that the store keeps, and the keys and plans that connect them.
 *
 * <p>A chunk's payload holds, for each layer in order, the unrotated keys [tokens, kvWidth] and then the values
 * [tokens, kvWidth] of growing layers, in the element type of the pages. What is computed is rounded to that type first and only then
 * rotated into its page, so a restored position equals a computed one bit for bit.
 *
 * <p>What other layers need to resume at a position is a checkpoint: for each of them in order, of a sliding layer the
 * unrotated keys and then the values of the last window less one, in the same element type; of a recurrent layer its vector
 * and then the convolution's last inputs, the oldest first, in f32. Everything is little endian.
 */
package longreach.lm.kv;
