package longreach.gateway;

import java.util.Map;
import longreach.gateway.config.GatewayProperties;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.ComponentScan;

/** The gateway as a process of its own, and as a part of a larger one. */
@SpringBootConfiguration
@EnableAutoConfiguration
@ComponentScan
@EnableConfigurationProperties(GatewayProperties.class)
public class GatewayApplication {
    /** Everything that is not at its framework's default; a caller's properties and arguments go before these. */
    private static final Map<String, Object> DEFAULTS = Map.ofEntries(
            Map.entry("spring.application.name", "gateway"),
            Map.entry("spring.main.banner-mode", "off"),
            Map.entry("spring.threads.virtual.enabled", "true"),
            Map.entry("spring.servlet.multipart.enabled", "false"),
            Map.entry("spring.web.resources.add-mappings", "false"),
            Map.entry("spring.lifecycle.timeout-per-shutdown-phase", "10s"),
            Map.entry("server.port", "8080"),
            Map.entry("server.address", "${gateway.host:127.0.0.1}"),
            Map.entry("server.forward-headers-strategy", "framework"),
            Map.entry("server.tomcat.keep-alive-timeout", "75s"),
            // The container's own 100 would have busy clients connect anew all the time.
            Map.entry("server.tomcat.max-keep-alive-requests", "-1"),
            // Callers that come at once, before they are taken.
            Map.entry("server.tomcat.accept-count", "1000"),
            // Longest silence inside a request.
            Map.entry("server.tomcat.connection-timeout", "30s"),
            Map.entry("server.max-http-request-header-size", "64KB"),
            Map.entry("spring.grpc.server.port", "9090"),
            Map.entry("spring.grpc.server.address", "${gateway.host:127.0.0.1}"),
            Map.entry("spring.grpc.server.inbound.message.max-size", "${gateway.limits.request:32MB}"),
            Map.entry("spring.grpc.server.shutdown.grace-period", "10s"),
            // Turned on with INFO.
            Map.entry("logging.level.longreach.audit", "OFF"),
            // A caller's wrong path is answered, not worth a warning.
            Map.entry("logging.level.org.springframework.web.servlet.PageNotFound", "ERROR"),
            // Threads that end with the process are no leak of the web application.
            Map.entry("logging.level.org.apache.catalina.loader.WebappClassLoaderBase", "OFF"),
            Map.entry("management.endpoint.health.show-details", "always"));

    /** For callers that start the gateway inside their own JVM. */
    public static SpringApplicationBuilder builder() {
        return new SpringApplicationBuilder(GatewayApplication.class).properties(DEFAULTS);
    }

    public static void main(String[] args) {
        builder().run(args);
    }
}
