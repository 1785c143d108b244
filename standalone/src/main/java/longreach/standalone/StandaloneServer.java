package longreach.standalone;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import longreach.audio.AudioEncoderApplication;
import longreach.gateway.GatewayApplication;
import longreach.lm.LmCoreApplication;
import longreach.store.ContextStoreApplication;
import longreach.store.redis.EmbeddedRedis;
import longreach.vision.VisionEncoderApplication;
import org.springframework.grpc.server.lifecycle.GrpcServerLifecycle;

/**
 * All services in this JVM: an embedded Redis unless another is named, context-store, lm-core and the encoders side by
 * side over in-process gRPC, and the gateway last. Closing stops everything and leaves nothing running.
 */
public final class StandaloneServer implements AutoCloseable {
    private final Services services;
    private final String url;
    private final int grpcPort;

    private StandaloneServer(Services services, String url, int grpcPort) {
        this.services = services;
        this.url = url;
        this.grpcPort = grpcPort;
    }

    /**
     * Starts everything and returns when requests are answered.
     *
     * @param stage told what is being done
     * @throws CommandException with the reason, in words for a person
     */
    static StandaloneServer start(ServerOptions options, Consumer<String> stage) {
        options.check();
        checkFree("--port", options.host, options.port);
        checkFree("--grpc-port", options.host, options.grpcPort);
        var services = new Services(options.settings);
        try {
            var data = DataDirectory.lock(options.data);
            services.keep(data);
            stage.accept("starting the store");
            String redis = redis(options, data, services);
            stage.accept("loading the models");
            services.start(applications(options, data, redis));
            stage.accept("opening the gateway");
            var gateway = services.startOpen(gateway(options, data, services));
            String url = "http://" + (options.host.contains(":") ? "[" + options.host + "]" : options.host) + ":"
                    + gateway.getEnvironment().getRequiredProperty("local.server.port");
            int grpcPort = gateway.getBean(GrpcServerLifecycle.class).getPort();
            data.recordAddress(url, grpcPort);
            return new StandaloneServer(services, url, grpcPort);
        } catch (Throwable failure) {
            services.close();
            throw failure;
        }
    }

    /**
     * On free ports of the loopback address, with the default model; for tests and for programs that embed it.
     *
     * @param data made when missing
     * @param settings any settings of the services, such as {@code gateway.api-key}
     */
    public static StandaloneServer start(Path data, Map<String, String> settings) {
        var options = new ServerOptions();
        options.data = data;
        options.settings = settings;
        return start(options, stage -> {});
    }

    /** {@code http://HOST:PORT}. */
    public String url() {
        return url;
    }

    public int grpcPort() {
        return grpcPort;
    }

    private static String redis(ServerOptions options, DataDirectory data, Services services) {
        if (!options.redis.isBlank()) {
            return options.redis;
        }
        try {
            var redis = EmbeddedRedis.start(data.folder("redis"), EmbeddedRedis.defaultMaxMemoryBytes());
            services.keep(redis);
            return redis.uri().toString();
        } catch (IOException | IllegalStateException e) {
            throw CommandException.failed(
                    "the embedded Redis did not start: " + e.getMessage()
                            + " (another can be named: --redis redis://HOST:PORT)",
                    e);
        }
    }

    private static Map<String, Services.Application> applications(
            ServerOptions options, DataDirectory data, String redis) {
        String media = data.folder("files").toString();
        String threads = Integer.toString(options.threads);
        var store = new TreeMap<String, String>();
        store.put("context-store.redis", redis);
        store.put("context-store.secret-file", data.root().resolve("secret").toString());
        if (options.redis.isBlank()) {
            // An own Redis is slow only when this whole machine is, and then recomputing would be slower still.
            store.put("context-store.connect-timeout", "20s");
            store.put("context-store.stall-timeout", "2s");
        }
        var lm = new TreeMap<>(store);
        lm.put("lm-core.model", options.model);
        lm.put("lm-core.precision", options.precision);
        lm.put("lm-core.threads", threads);
        var applications = new LinkedHashMap<String, Services.Application>();
        applications.put("context-store", new Services.Application(ContextStoreApplication::builder, store));
        applications.put("lm-core", new Services.Application(LmCoreApplication::builder, lm));
        applications.put("vision-encoder", vision(media, options));
        applications.put("audio-encoder", audio(media, threads, options.precision));
        return applications;
    }

    /** The vision encoder, with the right to open files under {@code media}, and the model's eyes. */
    static Services.Application vision(String media, ModelOptions options) {
        var settings = new TreeMap<String, String>();
        settings.put("vision-encoder.media-root", media);
        settings.put("vision-encoder.threads", Integer.toString(options.threads));
        options.seesWith().ifPresent(eyes -> {
            settings.put("vision-encoder.eyes.model", eyes.toString());
            settings.put("vision-encoder.eyes.precision", options.precision);
            settings.put("vision-encoder.eyes.threads", Integer.toString(options.threads));
        });
        return new Services.Application(VisionEncoderApplication::builder, settings);
    }

    /** The audio encoder, with the right to open files under {@code media}. */
    static Services.Application audio(String media, String threads, String precision) {
        return new Services.Application(
                AudioEncoderApplication::builder,
                Map.of(
                        "audio-encoder.media-root", media,
                        "audio-encoder.threads", threads,
                        "audio-encoder.precision", precision));
    }

    private static Services.Application gateway(ServerOptions options, DataDirectory data, Services services) {
        var settings = new TreeMap<String, String>();
        for (String service : List.of("context-store", "lm-core", "vision-encoder", "audio-encoder")) {
            settings.put("gateway." + service, "in-process:" + services.name(service));
        }
        settings.put("gateway.data", data.folder("files").toString());
        settings.put("gateway.shared-media", "true");
        settings.put("gateway.api-key", options.apiKey);
        settings.put("gateway.keys-file", data.root().resolve(KeysCommand.FILE).toString());
        settings.put("server.address", options.host);
        settings.put("server.port", Integer.toString(options.port));
        settings.put("spring.grpc.server.address", options.host);
        settings.put("spring.grpc.server.port", Integer.toString(options.grpcPort));
        return new Services.Application(GatewayApplication::builder, settings);
    }

    private static void checkFree(String option, String host, int port) {
        if (port == 0) {
            return;
        }
        try (var socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByName(host), port));
        } catch (IOException e) {
            throw CommandException.failed(
                    option + ": " + host + ":" + port + " cannot be opened: " + e.getMessage()
                            + " (expected: a free port; 0 takes any)",
                    e);
        }
    }

    @Override
    public void close() {
        services.close();
    }
}
