package longreach.client;

import static org.assertj.core.api.Assertions.assertThat;

import longreach.client.spring.LongreachAutoConfiguration;
import longreach.client.spring.LongreachProperties;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

class StarterTest {
    private final ApplicationContextRunner application =
            new ApplicationContextRunner().withConfiguration(AutoConfigurations.of(LongreachAutoConfiguration.class));

    @Test
    void anApplicationHasAClient() {
        application
                .withPropertyValues("longreach.target=dns:///gateway:9090", "longreach.timeout=5s")
                .run(context -> {
                    assertThat(context).hasSingleBean(LongreachClient.class);
                    var properties = context.getBean(LongreachProperties.class);
                    assertThat(properties.target()).isEqualTo("dns:///gateway:9090");
                    assertThat(properties.timeout()).hasSeconds(5);
                    assertThat(properties.apiKey()).isEqualTo("any");
                });
    }

    @Test
    void itsOwnClientComesFirst() {
        var own = LongreachClient.to("127.0.0.1:1").build();
        application
                .withBean(LongreachClient.class, () -> own)
                .run(context ->
                        assertThat(context.getBean(LongreachClient.class)).isSameAs(own));
    }

    @Test
    void aWrongSettingIsNamed() {
        application
                .withPropertyValues("longreach.timeout=0s")
                .run(context -> assertThat(context.getStartupFailure()).hasStackTraceContaining("timeout: PT0S"));
    }
}
