package longreach.standalone;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.logging.LogManager;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.slf4j.bridge.SLF4JBridgeHandler;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;

class ServicesTest {
    @SpringBootConfiguration(proxyBeanMethods = false)
    static class Empty {
        static SpringApplicationBuilder builder() {
            return new SpringApplicationBuilder(Empty.class).web(WebApplicationType.NONE);
        }
    }

    @RepeatedTest(5)
    void startSideBySide() {
        try (var services = new Services(Map.of())) {
            var applications = new HashMap<String, Services.Application>();
            for (int i = 0; i < 8; i++) {
                applications.put("service-" + i, new Services.Application(Empty::builder, Map.of()));
            }
            services.start(applications);
        }
    }

    @Test
    void whatLibrariesTellTheJdkGoesTheSameWay() {
        try (var services = new Services(Map.of())) {
            assertThat(services.name("a")).startsWith("a-");
            assertThat(LogManager.getLogManager().getLogger("").getHandlers())
                    .hasSize(1)
                    .hasOnlyElementsOfType(SLF4JBridgeHandler.class);
        }
    }
}
