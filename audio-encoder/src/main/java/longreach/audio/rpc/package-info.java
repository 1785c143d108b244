/** The gRPC shell: conversation, spooling, flow control and the mapping of errors. No logic. */
package longreach.audio.rpc;
