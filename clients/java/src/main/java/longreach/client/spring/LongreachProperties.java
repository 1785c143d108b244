package longreach.client.spring;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * @param target the service's gRPC address
 * @param apiKey as the service demands it; any, when it demands none
 * @param model of requests that name none
 * @param tls for a service behind a proxy with a certificate
 * @param timeout longest that a call may take
 */
@ConfigurationProperties("longreach")
public record LongreachProperties(
        @DefaultValue("127.0.0.1:9090") String target,
        @DefaultValue("any") String apiKey,
        @DefaultValue("smollm2-135m") String model,
        @DefaultValue("false") boolean tls,
        @DefaultValue("10m") Duration timeout) {}
