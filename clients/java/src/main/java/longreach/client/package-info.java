/**
 * A client of the service over gRPC, for Java programs: questions and streamed answers, conversations, counting,
 * embeddings, cached contents; and the generated stubs for everything else.
 */
package longreach.client;
