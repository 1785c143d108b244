package longreach.standalone;

import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import org.springframework.grpc.server.GrpcServerFactory;

/**
 * Stands in the place of a network gRPC server, so that Spring makes none beside the in-process one. It is never asked
 * for a server: nothing starts one from this factory.
 */
final class NoNetwork implements GrpcServerFactory {
    @Override
    public Server createServer() {
        throw new IllegalStateException("this service has no network server");
    }

    @Override
    public void addService(ServerServiceDefinition service) {
        // The in-process server has its own list.
    }
}
