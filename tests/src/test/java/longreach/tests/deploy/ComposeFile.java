package longreach.tests.deploy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import tools.jackson.databind.json.JsonMapper;

/** docker-compose.yml, and the command lines that it and the image's ENTRYPOINT make. */
public final class ComposeFile {
    /** The repository: Maven runs the tests in the module's directory. */
    public static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    /** Where the image has what the build puts into target/dist. */
    private static final String IMAGE_HOME = "/opt/longreach";

    private static final Path DIST = ROOT.resolve("standalone/target/dist");
    private static final Pattern ENTRYPOINT = Pattern.compile("(?m)^ENTRYPOINT (\\[.*])$");

    private final Map<String, Object> root;

    /** A service of ours: its main class, and its settings in their order. */
    public record JavaService(String mainClass, Map<String, String> settings) {}

    private ComposeFile(Map<String, Object> root) {
        this.root = root;
    }

    public static ComposeFile read() throws IOException {
        try (var reader = Files.newBufferedReader(ROOT.resolve("docker-compose.yml"))) {
            return new ComposeFile(new Yaml(new SafeConstructor(new LoaderOptions())).load(reader));
        }
    }

    public Set<String> services() {
        return section(root, "services").keySet();
    }

    public Map<String, Object> service(String name) {
        return section(section(root, "services"), name);
    }

    /** A mapping inside another; empty when it is not there or says nothing. */
    @SuppressWarnings("unchecked")
    static Map<String, Object> section(Map<String, Object> parent, String name) {
        return parent.get(name) instanceof Map<?, ?> map ? (Map<String, Object>) map : Map.of();
    }

    static List<String> list(Map<String, Object> parent, String name) {
        return parent.get(name) instanceof List<?> list
                ? list.stream().map(String::valueOf).toList()
                : List.of();
    }

    Map<String, Object> section(String name) {
        return section(root, name);
    }

    /** A service's command as the container gets it. */
    public List<String> command(String service) {
        return list(service(service), "command").stream()
                .map(argument -> argument.replace("$$", "$"))
                .toList();
    }

    /** @throws IllegalStateException if an argument is no {@code --key=value}, or a key stands twice */
    public JavaService java(String service) {
        var command = command(service);
        var settings = new LinkedHashMap<String, String>();
        for (String argument : command.subList(1, command.size())) {
            int equals = argument.indexOf('=');
            if (!argument.startsWith("--") || equals < 0) {
                throw new IllegalStateException(service + ": " + argument + " (expected: --key=value)");
            }
            if (settings.put(argument.substring(2, equals), argument.substring(equals + 1)) != null) {
                throw new IllegalStateException(service + ": " + argument + " (expected: each key once)");
            }
        }
        return new JavaService(command.getFirst(), settings);
    }

    /** The services that run the image of this repository, by name. */
    public Map<String, JavaService> javaServices() {
        var found = new TreeMap<String, JavaService>();
        for (String name : services()) {
            if (String.valueOf(service(name).get("image")).startsWith("longreach:")) {
                found.put(name, java(name));
            }
        }
        return found;
    }

    /** The image's ENTRYPOINT as it would be on this machine: with the built distribution and this JVM's java. */
    public static List<String> entrypoint() throws IOException {
        if (!Files.isDirectory(DIST.resolve("lib"))) {
            throw new IllegalStateException(DIST + ": missing (expected: mvn -pl standalone -am package, before this)");
        }
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return imageEntrypoint().stream()
                .map(argument -> argument.equals("java") ? java : argument.replace(IMAGE_HOME, DIST.toString()))
                .toList();
    }

    static List<String> imageEntrypoint() throws IOException {
        var line = ENTRYPOINT.matcher(dockerfile());
        if (!line.find()) {
            throw new IllegalStateException("Dockerfile: no ENTRYPOINT as a list");
        }
        return List.of(JsonMapper.shared().readValue(line.group(1), String[].class));
    }

    static String dockerfile() throws IOException {
        return Files.readString(ROOT.resolve("deploy/docker/Dockerfile"));
    }
}
