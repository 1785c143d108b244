package longreach.lm;

import java.util.HashMap;
import java.util.Map;
import longreach.lm.rpc.LmCoreConfiguration;
import longreach.store.config.StoreConfiguration;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Import;

/** The language-model core as a service of its own. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
@Import({StoreConfiguration.class, LmCoreConfiguration.class})
public class LmCoreApplication {
    public static SpringApplicationBuilder builder() {
        return new SpringApplicationBuilder(LmCoreApplication.class)
                .web(WebApplicationType.NONE)
                .properties(defaults());
    }

    /** Defaults stand here rather than in a file, since several services may share one class path. */
    private static Map<String, Object> defaults() {
        Map<String, Object> defaults = new HashMap<>();
        defaults.put("spring.application.name", "lm-core");
        defaults.put("spring.grpc.server.address", "127.0.0.1");
        defaults.put("spring.grpc.server.port", "9101");
        defaults.put("spring.main.banner-mode", "off");
        // The ids of a long prompt, and the text of one to be rendered.
        defaults.put("spring.grpc.server.inbound.message.max-size", "64MB");
        // The same secret as the control service's, so that both mean the same tenants.
        defaults.put("context-store.secret-file", "${XDG_DATA_HOME:${user.home}/.local/share}/longreach/store.secret");
        return defaults;
    }

    public static void main(String[] arguments) {
        builder().run(arguments);
    }
}
