package longreach.tests.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import longreach.audio.AudioEncoderProperties;
import longreach.gateway.config.GatewayProperties;
import longreach.lm.rpc.LmCoreProperties;
import longreach.store.config.StoreProperties;
import longreach.vision.VisionSettings;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.bind.DataObjectPropertyName;
import tools.jackson.databind.json.JsonMapper;

/** That docker-compose.yml and the Dockerfile name only what exists, and give away only what they should. */
class ComposeFileTest {
    private static final Map<String, Class<? extends Record>> OWN = Map.of(
            "gateway", GatewayProperties.class,
            "lm-core", LmCoreProperties.class,
            "vision-encoder", VisionSettings.class,
            "audio-encoder", AudioEncoderProperties.class,
            "context-store", StoreProperties.class);

    private static final Pattern OTHER_SERVICE = Pattern.compile("([a-z][a-z-]*):(\\d+)$");
    private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([^}]+)}");
    private static final Pattern SECRET_FILE = Pattern.compile("/run/secrets/([A-Za-z0-9._-]+)");

    private static ComposeFile compose;

    @BeforeAll
    static void read() throws IOException {
        compose = ComposeFile.read();
    }

    @Test
    void everyServiceIsThereWithAnImageAndAHealthcheck() {
        assertThat(compose.services())
                .containsExactlyInAnyOrder(
                        "gateway", "lm-core", "vision-encoder", "audio-encoder", "context-store", "redis");
        assertThat(compose.javaServices()).hasSize(5);
        for (String name : compose.services()) {
            var service = compose.service(name);
            assertThat(String.valueOf(service.get("image"))).as(name).matches("(longreach|redis):\\d+\\.\\d.*");
            assertThat(ComposeFile.list(ComposeFile.section(service, "healthcheck"), "test"))
                    .as("healthcheck of %s", name)
                    .isNotEmpty();
        }
    }

    @Test
    void mainClassesExist() throws ReflectiveOperationException {
        for (var service : compose.javaServices().values()) {
            assertThat(Class.forName(service.mainClass()).getMethod("main", String[].class))
                    .isNotNull();
        }
    }

    @Test
    void everySettingIsKnown() throws IOException {
        Set<String> known = frameworkSettings();
        OWN.forEach((prefix, type) -> addSettings(known, prefix, type));
        compose.javaServices()
                .forEach((name, service) -> assertThat(known)
                        .as("settings of %s", name)
                        .containsAll(service.settings().keySet()));
    }

    @Test
    void servicesAreNamedWithThePortsThatTheyOpen() {
        for (var service : compose.javaServices().entrySet()) {
            service.getValue().settings().forEach((key, value) -> {
                var named = OTHER_SERVICE.matcher(value);
                if (!named.find()) {
                    return;
                }
                String opened = named.group(1).equals("redis")
                        ? "6379"
                        : compose.java(named.group(1)).settings().get("spring.grpc.server.port");
                assertThat(opened).as("%s of %s", key, service.getKey()).isEqualTo(named.group(2));
            });
        }
    }

    @Test
    void healthchecksAskAPortThatIsOpened() {
        compose.javaServices().forEach((name, service) -> {
            var test = ComposeFile.list(ComposeFile.section(compose.service(name), "healthcheck"), "test");
            assertThat(test.get(1)).isEqualTo("/opt/longreach/healthy");
            assertThat(service.settings())
                    .containsEntry(test.size() > 3 ? "server.port" : "spring.grpc.server.port", test.get(2));
        });
    }

    @Test
    void onlyTheGatewayIsPublished() {
        for (String name : compose.services()) {
            var service = compose.service(name);
            assertThat(ComposeFile.list(service, "ports").isEmpty()).as(name).isEqualTo(!name.equals("gateway"));
            assertThat(service).doesNotContainKeys("network_mode", "privileged", "environment");
        }
        assertThat(ComposeFile.list(compose.service("gateway"), "ports"))
                .allMatch(port -> port.startsWith("${LONGREACH_ADDRESS:-127.0.0.1}:"));
    }

    @Test
    void secretsAreFilesAndGoToWhoUsesThem() {
        var declared = compose.section("secrets");
        declared.forEach((name, secret) ->
                assertThat(ComposeFile.section(declared, name)).as(name).containsOnlyKeys("file"));
        for (String name : compose.services()) {
            var granted = ComposeFile.list(compose.service(name), "secrets");
            assertThat(declared.keySet()).as(name).containsAll(granted);
            Set<String> used = new HashSet<>();
            String command = String.join("\n", compose.command(name));
            SECRET_FILE.matcher(command).results().forEach(found -> used.add(found.group(1)));
            PLACEHOLDER.matcher(command).results().forEach(found -> used.add(found.group(1)));
            assertThat(granted).as("secrets of %s", name).containsAll(used);
            assertThat(granted.stream().filter(secret -> !used.contains(secret)))
                    .as("of %s: secrets that are settings", name)
                    .allMatch(secret -> secret.startsWith(name + "."));
        }
    }

    @Test
    void volumesAreDeclaredAndOnlyTheGatewayWritesMedia() {
        var declared = compose.section("volumes");
        for (String name : compose.services()) {
            for (String volume : ComposeFile.list(compose.service(name), "volumes")) {
                String source = volume.substring(0, volume.lastIndexOf(":/"));
                if (source.startsWith("${LONGREACH_CACHE:-")) {
                    assertThat(volume).endsWith(":/var/cache/longreach:ro");
                } else {
                    assertThat(declared).as(name).containsKey(source);
                }
                if (source.equals("media")) {
                    assertThat(volume.endsWith(":ro")).as(name).isEqualTo(!name.equals("gateway"));
                }
            }
        }
        assertThat(compose.java("gateway").settings())
                .containsEntry("gateway.shared-media", "true")
                .containsEntry("gateway.data", "/var/lib/longreach/files");
        assertThat(compose.java("vision-encoder").settings())
                .containsEntry("vision-encoder.media-root", "/var/lib/longreach/files");
        assertThat(compose.java("audio-encoder").settings())
                .containsEntry("audio-encoder.media-root", "/var/lib/longreach/files");
    }

    @Test
    void theImageIsMadeOfWhatIsThere() throws IOException {
        String dockerfile = ComposeFile.dockerfile();
        assertThat(dockerfile).contains("\nUSER longreach\n");
        assertThat(ComposeFile.imageEntrypoint()).startsWith("java", "@/opt/longreach/jvm.flags", "-cp");
        Path healthy = ComposeFile.ROOT.resolve("deploy/docker/healthy");
        assertThat(healthy).isExecutable();
        assertThat(dockerfile).contains("COPY --chmod=755 deploy/docker/healthy /opt/longreach/healthy");
        assertThat(ComposeFile.ROOT.resolve("standalone/src/main/dist/jvm.flags"))
                .isRegularFile();
    }

    @Test
    void secretsStayOutOfTheRepositoryAndOfTheImage() throws IOException {
        for (var secret : compose.section("secrets").keySet()) {
            String file = String.valueOf(
                    ComposeFile.section(compose.section("secrets"), secret).get("file"));
            assertThat(file).startsWith("./deploy/secrets/");
        }
        assertThat(Files.readAllLines(ComposeFile.ROOT.resolve(".gitignore"))).contains("deploy/secrets/");
        assertThat(Files.readAllLines(ComposeFile.ROOT.resolve(".dockerignore")))
                .contains("deploy/secrets");
    }

    /** The keys that the frameworks on the class path describe. */
    private static Set<String> frameworkSettings() throws IOException {
        Set<String> names = new HashSet<>();
        var files = ComposeFileTest.class.getClassLoader().getResources("META-INF/spring-configuration-metadata.json");
        for (var file : Collections.list(files)) {
            try (var in = file.openStream()) {
                JsonMapper.shared()
                        .readTree(in)
                        .path("properties")
                        .forEach(property -> names.add(property.path("name").asString("")));
            }
        }
        assertThat(names).contains("server.port", "spring.grpc.server.port");
        return names;
    }

    private static void addSettings(Set<String> names, String prefix, Class<?> type) {
        for (RecordComponent component : type.getRecordComponents()) {
            String name = prefix + "." + DataObjectPropertyName.toDashedForm(component.getName());
            if (component.getType().isRecord()) {
                addSettings(names, name, component.getType());
            } else {
                names.add(name);
            }
        }
    }
}
