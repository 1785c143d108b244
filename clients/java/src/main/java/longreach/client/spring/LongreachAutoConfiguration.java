package longreach.client.spring;

import longreach.client.LongreachClient;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;

/** One client for the application, closed with it, unless it has its own. */
@AutoConfiguration
@EnableConfigurationProperties(LongreachProperties.class)
public class LongreachAutoConfiguration {
    @Bean
    @ConditionalOnMissingBean
    LongreachClient longreachClient(LongreachProperties properties) {
        return LongreachClient.to(properties.target())
                .apiKey(properties.apiKey())
                .model(properties.model())
                .tls(properties.tls())
                .timeout(properties.timeout())
                .build();
    }
}
