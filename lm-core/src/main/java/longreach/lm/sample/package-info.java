/** From logits to text: penalties, samplers, log-probabilities, stop sequences and whole characters. */
package longreach.lm.sample;
