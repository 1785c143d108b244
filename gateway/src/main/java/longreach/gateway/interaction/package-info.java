/**
 * Conversations that the server keeps: each interaction is one request with its answer, and names the one that it
 * follows. What the model goes on from is laid out once and kept as it was, so that a follow-up finds its keys and values.
 */
package longreach.gateway.interaction;
