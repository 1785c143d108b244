package longreach.gateway.config;

import java.util.function.Supplier;
import longreach.gateway.error.ApiException;
import longreach.gateway.media.EncoderClient;
import longreach.gateway.models.Models;
import longreach.v1.ModelDescription;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.stereotype.Component;

/**
 * Whether the other services answer. Without lm-core there are no answers, so the gateway is down; without an encoder
 * new media waits, which is told beside the status.
 */
@Component("services")
class ServicesHealth implements HealthIndicator {
    private final Models models;
    private final EncoderClient vision;
    private final EncoderClient audio;

    ServicesHealth(Models models, @Qualifier("vision") EncoderClient vision, @Qualifier("audio") EncoderClient audio) {
        this.models = models;
        this.vision = vision;
        this.audio = audio;
    }

    @Override
    public Health health() {
        var health = Health.up();
        try {
            health.withDetail(
                    "lm-core",
                    models.ask().stream().map(ModelDescription::getName).toList());
        } catch (ApiException e) {
            health.down().withDetail("lm-core", e.getMessage());
        }
        health.withDetail("vision-encoder", state(() -> vision.describe().getFingerprint()));
        health.withDetail("audio-encoder", state(() -> audio.describe().getFingerprint()));
        return health.build();
    }

    private static String state(Supplier<String> ask) {
        try {
            return "up: " + ask.get();
        } catch (ApiException e) {
            return "down: " + e.getMessage();
        }
    }
}
