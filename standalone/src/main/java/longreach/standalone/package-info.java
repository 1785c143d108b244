/**
 * Every service in one JVM over in-process gRPC with an embedded real Redis, and the command line. The commands know
 * the services only by their application classes and the public REST surface; what they show is what any client can
 * ask for.
 */
package longreach.standalone;
