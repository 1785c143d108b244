/**
 * Speculative decoding: guesses at the next tokens, from the context itself or from a smaller model, how many of them are
 * worth computing, and the rule that accepts them without changing what is sampled.
 */
package longreach.lm.speculate;
