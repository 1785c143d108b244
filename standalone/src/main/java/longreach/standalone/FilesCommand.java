package longreach.standalone;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

/** The files that a server keeps. */
@Command(name = "files", description = "List, upload, show and delete the files of a server.")
final class FilesCommand implements Runnable {
    @Mixin
    private ClientOptions client;

    @Override
    public void run() {
        list(client);
    }

    @Command(name = "list", mixinStandardHelpOptions = true, description = "List the files.")
    void list(@Mixin ClientOptions client) {
        try (var session = client.open()) {
            var files = session.client().all("/v1beta/files", "files", 100);
            if (client.json) {
                ClientOptions.print(files);
                return;
            }
            for (JsonNode file : files) {
                show(file);
            }
            if (files.isEmpty()) {
                System.err.println("no files");
            }
        }
    }

    @Command(
            name = "upload",
            mixinStandardHelpOptions = true,
            description = "Upload files and wait until they are read; known ones are found again.")
    void upload(@Mixin ClientOptions client, @Parameters(arity = "1..*", paramLabel = "FILE") List<Path> paths) {
        paths.forEach(path -> GeminiClient.mimeType(GeminiClient.checked(path)));
        try (var session = client.open()) {
            for (Path path : paths) {
                print(client, session.ingest(path));
            }
        }
    }

    @Command(name = "get", mixinStandardHelpOptions = true, description = "Show one file.")
    void get(@Mixin ClientOptions client, @Parameters(paramLabel = "files/NAME") String name) {
        try (var session = client.open()) {
            print(client, session.client().file(qualified(name)));
        }
    }

    @Command(name = "delete", mixinStandardHelpOptions = true, description = "Delete files.")
    void delete(
            @Mixin ClientOptions client, @Parameters(arity = "1..*", paramLabel = "files/NAME") List<String> names) {
        var deleted = GeminiClient.JSON.createArrayNode();
        try (var session = client.open()) {
            for (String name : names) {
                session.client().delete(qualified(name));
                deleted.add(qualified(name));
                System.err.println("deleted " + qualified(name));
            }
        }
        if (client.json) {
            ClientOptions.print(GeminiClient.JSON.createObjectNode().set("deleted", deleted));
        }
    }

    private static String qualified(String name) {
        return name.startsWith("files/") ? name : "files/" + name;
    }

    private static void print(ClientOptions client, JsonNode file) {
        if (client.json) {
            ClientOptions.print(file);
        } else {
            show(file);
        }
    }

    private static void show(JsonNode file) {
        System.out.printf(
                "%-24s %-10s %12s bytes  %s%n",
                file.path("name").asString(),
                file.path("state").asString(""),
                file.path("sizeBytes").asString("0"),
                file.path("displayName").asString(""));
    }
}
