/**
 * Text to token ids and back. Tokenizers are made from what a checkpoint carries (GGUF metadata or a tokenizer.json),
 * are immutable, and are safe to share between threads.
 */
package longreach.tensor.tokenizer;
