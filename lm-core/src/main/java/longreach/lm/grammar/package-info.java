/**
 * Constrained decoding: a JSON schema or a choice of texts becomes a pushdown grammar over bytes, and the grammar says
 * before every token which tokens of the vocabulary may follow. What it lets through is a whole value once it lets the
 * answer end.
 */
package longreach.lm.grammar;
