/** The control service over gRPC: convert, submit, return. */
package longreach.store.rpc;
