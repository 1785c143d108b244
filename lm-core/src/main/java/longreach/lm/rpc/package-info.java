/** The gRPC shell of the engine: converts, submits, returns. No logic of its own. */
package longreach.lm.rpc;
