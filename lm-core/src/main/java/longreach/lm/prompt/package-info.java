/**
 * From a conversation to the stream of tokens that the model reads: chat templates, and the {@link
 * longreach.lm.prompt.TokenStream} in which text and soft tokens of every modality are laid out.
 */
package longreach.lm.prompt;
