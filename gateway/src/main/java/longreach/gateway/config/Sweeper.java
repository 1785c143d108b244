package longreach.gateway.config;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import longreach.gateway.files.FileLibrary;
import longreach.gateway.files.Uploads;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.scheduling.annotation.Scheduled;

/** Clears files and uploads that are past their time. */
final class Sweeper {
    private static final Logger LOG = LoggerFactory.getLogger(Sweeper.class);

    private final FileLibrary library;
    private final Uploads uploads;

    Sweeper(FileLibrary library, Uploads uploads) {
        this.library = library;
        this.uploads = uploads;
    }

    @Scheduled(initialDelay = 1, fixedDelay = 1, timeUnit = TimeUnit.MINUTES)
    void sweep() {
        try {
            library.sweep();
            uploads.sweep();
        } catch (IOException e) {
            LOG.warn("expired files could not be cleared and will be tried again: {}", e.toString());
        }
    }
}
