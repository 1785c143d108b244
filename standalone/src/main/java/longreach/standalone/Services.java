package longreach.standalone;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.slf4j.bridge.SLF4JBridgeHandler;
import org.springframework.boot.Banner;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.grpc.server.GrpcServerFactory;

/**
 * Service applications in this JVM, reachable over in-process gRPC under {@link #name}. What is kept here is closed in
 * the opposite order, at the latest when the JVM ends.
 */
final class Services implements AutoCloseable {
    /** In-process names are global to the JVM; the number keeps two servers in one JVM apart. */
    private static int numbered;

    private final int number = nextNumber();
    private final Map<String, String> overrides;
    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private final Thread hook = new Thread(this::stop, "longreach-stop");

    static {
        // Applications that start side by side would each set the one logging context up anew, and fall over each
        // other's changes to it (a ConcurrentModificationException at start). logback.xml does it once for all.
        System.setProperty("org.springframework.boot.logging.LoggingSystem", "none");
        // Which would also have brought in what Tomcat and gRPC tell java.util.logging.
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install();
    }

    /** @param overrides settings that win over everything else */
    Services(Map<String, String> overrides) {
        this.overrides = Map.copyOf(overrides);
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private static synchronized int nextNumber() {
        return ++numbered;
    }

    /** The in-process name of a service. */
    String name(String service) {
        return service + "-" + number;
    }

    /** One service to start: its application and its settings. */
    record Application(Supplier<SpringApplicationBuilder> builder, Map<String, String> settings) {}

    /** Starts services side by side, by name, without network ports. Returns when all have started. */
    void start(Map<String, Application> applications) {
        Map<String, Future<ConfigurableApplicationContext>> starting = new LinkedHashMap<>();
        try (var executor = Executors.newFixedThreadPool(Math.max(1, applications.size()))) {
            applications.forEach((service, application) -> starting.put(
                    service,
                    executor.submit(() -> run(inProcess(service, application), settings(service, application)))));
            for (var service : starting.values()) {
                service.get();
            }
        } catch (ExecutionException e) {
            throw explained(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandException.failed("interrupted while starting", e);
        }
    }

    /** Starts one service with network ports, as its settings say. */
    ConfigurableApplicationContext startOpen(Application application) {
        try {
            return run(application.builder().get(), application.settings());
        } catch (RuntimeException e) {
            throw explained(e);
        }
    }

    private Map<String, String> settings(String service, Application application) {
        var settings = new TreeMap<>(application.settings());
        settings.put("spring.grpc.server.inprocess.name", name(service));
        return settings;
    }

    private static SpringApplicationBuilder inProcess(String service, Application application) {
        return application
                .builder()
                .get()
                .initializers((GenericApplicationContext starting) ->
                        starting.registerBean(service + "-no-network", GrpcServerFactory.class, NoNetwork::new));
    }

    private ConfigurableApplicationContext run(SpringApplicationBuilder builder, Map<String, String> settings) {
        var all = new TreeMap<>(settings);
        all.putAll(overrides);
        var arguments = new ArrayList<String>();
        all.forEach((key, value) -> arguments.add("--" + key + "=" + value));
        var context = builder.bannerMode(Banner.Mode.OFF)
                .logStartupInfo(false)
                .registerShutdownHook(false)
                .run(arguments.toArray(String[]::new));
        keep(context);
        return context;
    }

    // Spring wraps the reason many times; the innermost message is the one that a person can act on.
    private static CommandException explained(Throwable failure) {
        Throwable reason = failure;
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof CommandException known) {
                return known;
            }
            reason = cause.getMessage() == null ? reason : cause;
        }
        return CommandException.failed("a service did not start: " + reason.getMessage(), failure);
    }

    /** Closes {@code part} with the services, before those that were there already. */
    void keep(AutoCloseable part) {
        synchronized (open) {
            open.push(part);
        }
    }

    @Override
    public void close() {
        stop();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is already ending: the hook is running, or has run.
            Thread.onSpinWait();
        }
    }

    // One thread stops, and another that comes at the same time waits until it has.
    private synchronized void stop() {
        while (true) {
            AutoCloseable next;
            synchronized (open) {
                next = open.poll();
            }
            if (next == null) {
                return;
            }
            try {
                next.close();
            } catch (Exception e) {
                System.err.println("longreach: while stopping: " + e);
            }
        }
    }
}
