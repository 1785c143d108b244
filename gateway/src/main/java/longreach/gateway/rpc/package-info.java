/** The gRPC surface, over the same implementation as REST. */
package longreach.gateway.rpc;
