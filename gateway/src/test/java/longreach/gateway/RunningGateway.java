package longreach.gateway;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.grpc.server.lifecycle.GrpcServerLifecycle;

/** The whole gateway on free loopback ports, in front of fakes. */
public final class RunningGateway implements AutoCloseable {
    private final ConfigurableApplicationContext context;
    private final HttpClient http = HttpClient.newHttpClient();
    public final int port;
    public final int grpcPort;

    public RunningGateway(FakeServices services, Path data, Map<String, Object> more) {
        var properties = new HashMap<>(services.properties());
        properties.put("gateway.data", data.toString());
        properties.put("server.port", 0);
        properties.put("spring.grpc.server.port", 0);
        properties.putAll(more);
        context = GatewayApplication.builder()
                .run(properties.entrySet().stream()
                        .map(entry -> "--" + entry.getKey() + "=" + entry.getValue())
                        .toArray(String[]::new));
        port = Integer.parseInt(context.getEnvironment().getProperty("local.server.port", "-1"));
        grpcPort = context.getBean(GrpcServerLifecycle.class).getPort();
    }

    public HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .timeout(Duration.ofMinutes(2));
    }

    public HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
        return http.send(request, HttpResponse.BodyHandlers.ofString());
    }

    public HttpResponse<String> post(String path, String json) throws IOException, InterruptedException {
        return send(request(path)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build());
    }

    public HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return send(request(path).GET().build());
    }

    public static JsonObject json(HttpResponse<String> response) {
        return JsonParser.parseString(response.body()).getAsJsonObject();
    }

    /** Uploads in one go and waits until the file is read. */
    public JsonObject file(String name, String type, byte[] bytes) throws IOException, InterruptedException {
        var created = send(request("/upload/v1beta/files")
                .header("Content-Type", type)
                .header("X-Goog-Upload-Protocol", "raw")
                .header("X-Goog-Upload-File-Name", name)
                .POST(HttpRequest.BodyPublishers.ofByteArray(bytes))
                .build());
        if (created.statusCode() != 200) {
            throw new IllegalStateException(created.body());
        }
        return settled(json(created).getAsJsonObject("file").get("name").getAsString());
    }

    public JsonObject settled(String name) throws IOException, InterruptedException {
        while (true) {
            var file = json(get("/v1beta/" + name));
            if (!file.get("state").getAsString().equals("PROCESSING")) {
                return file;
            }
            Thread.sleep(20);
        }
    }

    @Override
    public void close() {
        http.close();
        context.close();
    }
}
