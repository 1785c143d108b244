package longreach.store;

import java.util.Map;
import longreach.store.config.StoreConfiguration;
import longreach.store.rpc.RpcConfiguration;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Import;

/** The control service of the context store: statistics, erasure, artifacts. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
@Import({StoreConfiguration.class, RpcConfiguration.class})
public class ContextStoreApplication {
    /** Defaults stand here rather than in a file, since several services may share one class path. */
    private static final Map<String, Object> DEFAULTS = Map.of(
            "spring.application.name",
            "context-store",
            "spring.grpc.server.address",
            "127.0.0.1",
            "spring.grpc.server.port",
            "9104",
            "spring.main.banner-mode",
            "off",
            // The largest value and what the message says around it.
            "spring.grpc.server.inbound.message.max-size",
            "65MB",
            "context-store.secret-file",
            "${XDG_DATA_HOME:${user.home}/.local/share}/longreach/store.secret");

    public static SpringApplicationBuilder builder() {
        return new SpringApplicationBuilder(ContextStoreApplication.class)
                .web(WebApplicationType.NONE)
                .properties(DEFAULTS);
    }

    public static void main(String[] arguments) {
        builder().run(arguments);
    }
}
