/**
 * A model that an OpenAI-compatible server runs (vLLM, llama.cpp's), behind the interface that the engine here has.
 * Conversations travel as they are; the other server applies its chat template, counts tokens and keeps its own cache.
 */
package longreach.lm.openai;
