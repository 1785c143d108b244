/** The gRPC service: the conversation of an encode, its flow control, and errors as statuses. */
package longreach.vision.rpc;
