/** Embeddings of texts, by the sentence encoder beside lm-core. */
package longreach.gateway.embed;
