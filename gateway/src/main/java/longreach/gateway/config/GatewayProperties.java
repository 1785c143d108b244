package longreach.gateway.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import longreach.gateway.auth.Tenant;
import longreach.gateway.cache.IngestWorkers;
import longreach.gateway.plan.LayoutChoice;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * The gateway's settings, all under {@code gateway}.
 *
 * @param lmCore gRPC target of lm-core: {@code host:port}, {@code dns:///name:port} or {@code in-process:NAME}
 * @param visionEncoder gRPC target of the vision encoder
 * @param audioEncoder gRPC target of the audio encoder
 * @param contextStore gRPC target of the context store
 * @param data directory of the files' content and metadata; made when missing
 * @param sharedMedia whether the encoders see {@code data} under the same path, so that files are handed over by path
 * @param apiKey accepted keys; empty: any key, and the servers listen on loopback only
 * @param keysFile keys that were created with their tenants and limits; null: none
 * @param tenantSalt mixed into every tenant name; set it to make the names unguessable from the keys
 * @param layout how documents are laid out before a question
 * @param pieceTokens most tokens of one unit that is ranked and shown as a whole
 * @param shownPieces how many of the best units the model is shown; 0: as the layout's measurement says
 * @param modelAlias other names of models, each {@code ALIAS=MODEL}; {@code *} at an alias's end fits all that begin so
 * @param limits sizes and times
 * @param quota what a tenant may use in a minute, unless its key says otherwise
 * @param fetch whether and how media are fetched from web addresses
 * @param ingest how contents are prefilled in the background
 */
@ConfigurationProperties("gateway")
public record GatewayProperties(
        @DefaultValue("127.0.0.1:9101") String lmCore,
        @DefaultValue("127.0.0.1:9102") String visionEncoder,
        @DefaultValue("127.0.0.1:9103") String audioEncoder,
        @DefaultValue("127.0.0.1:9104") String contextStore,
        @DefaultValue(".longreach/gateway") Path data,
        @DefaultValue("false") boolean sharedMedia,
        @DefaultValue List<String> apiKey,
        Path keysFile,
        @DefaultValue("") String tenantSalt,
        @DefaultValue("best-pieces") LayoutChoice layout,
        @DefaultValue("220") int pieceTokens,
        @DefaultValue("0") int shownPieces,
        @DefaultValue List<String> modelAlias,
        @DefaultValue Limits limits,
        @DefaultValue Quota quota,
        @DefaultValue Fetch fetch,
        @DefaultValue Ingest ingest) {

    public GatewayProperties {
        if (pieceTokens < 32 || pieceTokens > 100_000) {
            throw new IllegalArgumentException(
                    "gateway.piece-tokens: " + pieceTokens + " (expected: 32 <= pieceTokens <= 100000)");
        }
        if (shownPieces < 0 || shownPieces > 64) {
            throw new IllegalArgumentException(
                    "gateway.shown-pieces: " + shownPieces + " (expected: 0 <= shownPieces <= 64)");
        }
        apiKey =
                apiKey.stream().map(String::strip).filter(key -> !key.isEmpty()).toList();
    }

    /**
     * @param request largest JSON or gRPC message
     * @param inline largest decoded media of one request
     * @param file largest uploaded file
     * @param fileLife how long a file is kept
     * @param uploadLife how long an unfinished upload is kept
     * @param contextLife how long a cached content is kept for which none was said
     * @param interactionLife how long an interaction is kept after it was last gone on from
     * @param encode longest that the reading of one media item may take
     * @param answer longest that one answer may take where the caller names no deadline
     * @param encodesAtOnce media items that are read at the same time
     * @param bodyBytesPerSecond a body that comes slower than this, once {@code bodyGrace} is over, is cut off
     * @param bodyGrace how long a body may come at any speed
     */
    public record Limits(
            @DefaultValue("32MB") DataSize request,
            @DefaultValue("20MB") DataSize inline,
            @DefaultValue("2GB") DataSize file,
            @DefaultValue("48h") Duration fileLife,
            @DefaultValue("24h") Duration uploadLife,
            @DefaultValue("1h") Duration contextLife,
            @DefaultValue("7d") Duration interactionLife,
            @DefaultValue("3h") Duration encode,
            @DefaultValue("30m") Duration answer,
            @DefaultValue("2") int encodesAtOnce,
            @DefaultValue("1KB") DataSize bodyBytesPerSecond,
            @DefaultValue("30s") Duration bodyGrace) {

        public Limits {
            if (encodesAtOnce < 1 || encodesAtOnce > 64) {
                throw new IllegalArgumentException(
                        "gateway.limits.encodes-at-once: " + encodesAtOnce + " (expected: 1 <= encodesAtOnce <= 64)");
            }
        }
    }

    /**
     * @param on whether anything is fetched at all
     * @param allow {@code host:port} that may be fetched from even where its address is not public
     * @param bytes largest answer
     * @param time longest that one fetch may take, redirects included
     */
    public record Fetch(
            @DefaultValue("false") boolean on,
            @DefaultValue List<String> allow,
            @DefaultValue("64MB") DataSize bytes,
            @DefaultValue("30s") Duration time) {}

    /**
     * @param workers contents that this gateway prefills at once; 0: it leaves them to others
     * @param poll how often it looks for work
     * @param takeover silence of a gateway after which its content is taken over
     * @param attempts without getting any further, before a content has failed
     * @param life how long a content may take to be prefilled
     * @param most contents of all tenants that wait or are worked on
     * @param mostOfTenant of one tenant
     */
    public record Ingest(
            @DefaultValue("1") int workers,
            @DefaultValue("1s") Duration poll,
            @DefaultValue("30s") Duration takeover,
            @DefaultValue("5") int attempts,
            @DefaultValue("7d") Duration life,
            @DefaultValue("10000") int most,
            @DefaultValue("16") int mostOfTenant) {

        public Ingest {
            within("workers", workers, 0, 64);
            within("poll", poll.toMillis(), 10, 3_600_000);
            within("takeover", takeover.toMillis(), 100, 12 * 3_600_000);
            within("attempts", attempts, 1, 1000);
            within("life", life.toSeconds(), 1, 366 * 86_400);
            within("most", most, 1, 1_000_000);
            within("most-of-tenant", mostOfTenant, 1, 10_000);
        }

        private static void within(String name, long value, long least, long most) {
            if (value < least || value > most) {
                throw new IllegalArgumentException(
                        "gateway.ingest." + name + ": " + value + " (expected: " + least + " to " + most + ")");
            }
        }

        public IngestWorkers.Settings settings() {
            return new IngestWorkers.Settings(workers, poll, takeover, attempts);
        }
    }

    /** 0: no limit. */
    public record Quota(
            @DefaultValue("0") long requestsPerMinute,
            @DefaultValue("0") long tokensPerMinute,
            @DefaultValue("0B") DataSize bytesPerMinute) {
        public Tenant.Limits limits() {
            return new Tenant.Limits(requestsPerMinute, tokensPerMinute, bytesPerMinute.toBytes());
        }
    }
}
