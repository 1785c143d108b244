/**
 * Which parts of a long context a question is shown. Selectors read text, not attention: the question's tokens against the
 * context's, and their meanings against those of sentences ({@link longreach.lm.select.PieceIndex}), which are computed
 * beside the prefill and kept in the store with the chunks.
 */
package longreach.lm.select;
