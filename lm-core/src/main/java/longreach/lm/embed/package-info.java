/** Sentence embeddings by a small encoder of its own: for callers who want vectors, and for choosing parts of a context. */
package longreach.lm.embed;
