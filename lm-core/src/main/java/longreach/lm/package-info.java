/**
 * The language-model core: from a token stream to an answer, with the keys and values of prompts kept in the context store.
 * The engine runs without Spring; {@link longreach.lm.rpc} is its gRPC shell.
 */
package longreach.lm;
