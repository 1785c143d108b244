package longreach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import com.google.protobuf.util.JsonFormat;
import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import longreach.gemini.v1beta.CacheServiceGrpc;
import longreach.gemini.v1beta.CreateCachedContentRequest;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.GenerativeServiceGrpc;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Bodies that are wrong, over HTTP and gRPC: the answer is one, or an error that says what is wrong; never a fault of the
 * server's own. The corpus lies in {@code src/test/resources/fuzz}, one body for each route, and bodies that once failed
 * as {@code ROUTE-N.json} beside it. {@code -Dlongreach.fuzz.rounds=N} goes on longer, {@code -Dlongreach.fuzz.seed=S}
 * elsewhere.
 */
class BodyFuzzTest {
    private static final Path CORPUS = Path.of("src/test/resources/fuzz");
    private static final int ROUNDS = Integer.getInteger("longreach.fuzz.rounds", 600);
    private static final long SEED = Long.getLong("longreach.fuzz.seed", 1);
    private static final Set<Integer> FINE = Set.of(200, 400, 404, 409, 429, 501);
    private static final Map<String, String> ROUTES = Map.of(
            "generateContent", "/v1beta/models/tiny-words:generateContent",
            "streamGenerateContent", "/v1/models/tiny-words:streamGenerateContent?alt=sse",
            "countTokens", "/v1beta/models/tiny-words:countTokens",
            "batchEmbedContents", "/v1beta/models/all-minilm-l6-v2:batchEmbedContents",
            "cachedContents", "/v1alpha/cachedContents",
            "interactions", "/v1/interactions",
            "chatCompletions", "/openai/v1/chat/completions",
            "embeddings", "/openai/v1/embeddings");
    private static final String[] WORDS = {
        "null",
        "[]",
        "{}",
        "[[]]",
        "-1",
        "0",
        "1e308",
        "1e999",
        "-1e-999",
        "1e999999999",
        "9223372036854775807",
        "18446744073709551616",
        "0.5",
        "true",
        "\"\"",
        "\" \"",
        "\"x\"",
        "\"-1s\"",
        "\"1e9s\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"files/../../x\"",
        "\"models/\"",
        "\"NaN\"",
        "NaN",
        "[{}]",
        "[null]",
        "{\"\":null}",
        "\"data:;base64,\"",
        "\"OBJECT\""
    };

    @TempDir
    static Path data;

    static FakeServices services;
    static RunningGateway gateway;
    static ManagedChannel channel;

    @BeforeAll
    static void start() throws Exception {
        services = new FakeServices();
        gateway = new RunningGateway(services, data, Map.of());
        channel = Grpc.newChannelBuilder("127.0.0.1:" + gateway.grpcPort, InsecureChannelCredentials.create())
                .build();
    }

    @AfterAll
    static void stop() {
        channel.shutdownNow();
        gateway.close();
        services.close();
    }

    /** Route by file. */
    private static Map<Path, String> corpus() throws IOException {
        var corpus = new TreeMap<Path, String>();
        try (var files = Files.list(CORPUS)) {
            files.filter(file -> file.toString().endsWith(".json"))
                    .forEach(file -> corpus.put(
                            file, ROUTES.get(file.getFileName().toString().replaceFirst("(?:-\\d+)?\\.json$", ""))));
        }
        assertThat(corpus.values()).doesNotContainNull().containsAll(ROUTES.values());
        return corpus;
    }

    @Test
    void everyBodyOverHttpHasAnAnswerOrATypedError() throws Exception {
        System.out.println("seed " + SEED);
        var random = new Random(SEED);
        var seeds = new ArrayList<>(corpus().entrySet());
        for (var seed : seeds) {
            check(seed.getValue(), Files.readString(seed.getKey()).strip());
        }
        for (int round = 0; round < ROUNDS; round++) {
            var seed = seeds.get(random.nextInt(seeds.size()));
            check(seed.getValue(), mutated(Files.readString(seed.getKey()).strip(), random));
        }
    }

    private static void check(String route, String body) throws Exception {
        var response = gateway.post(route, body);
        assertThat(FINE).as("%s%n%s%n%s", route, body, response.body()).contains(response.statusCode());
        if (response.statusCode() != 200) {
            var error = RunningGateway.json(response).getAsJsonObject("error");
            assertThat(error.get("message").getAsString())
                    .as("%s%n%s", route, body)
                    .isNotBlank();
        }
        assertThat(response.body()).as(body).doesNotContain("Exception", "internal error");
    }

    private static String mutated(String json, Random random) {
        if (random.nextInt(8) == 0) {
            int at = random.nextInt(json.length());
            return random.nextBoolean()
                    ? json.substring(0, at)
                    : json.substring(0, at) + (char) random.nextInt(0x3000) + json.substring(at + 1);
        }
        JsonElement tree = JsonParser.parseString(json);
        for (int i = random.nextInt(1, 4); i > 0; i--) {
            change(tree, random);
        }
        // A word that no tree holds goes in as text.
        var word = WORDS[random.nextInt(WORDS.length)];
        return random.nextInt(3) == 0
                ? tree.toString().replaceFirst("\"[a-z]{3,}\"(?=[,}\\]])", quoted(word))
                : tree.toString();
    }

    private static String quoted(String word) {
        return java.util.regex.Matcher.quoteReplacement(word);
    }

    /** Somewhere in the tree a value is replaced, dropped, doubled, wrapped or renamed. */
    private static void change(JsonElement root, Random random) {
        var places = new ArrayList<JsonElement>();
        collect(root, places);
        var place = places.get(random.nextInt(places.size()));
        var other = JsonParser.parseString(lenient(WORDS[random.nextInt(WORDS.length)]));
        if (place instanceof JsonObject object && !object.isEmpty()) {
            var names = new ArrayList<>(object.keySet());
            var name = names.get(random.nextInt(names.size()));
            switch (random.nextInt(5)) {
                case 0 -> object.remove(name);
                case 1 -> object.add(name + "s", object.get(name));
                case 2 -> object.add(name, wrapped(object.get(name), random.nextInt(1, 200)));
                default -> object.add(name, other);
            }
        } else if (place instanceof JsonArray array && !array.isEmpty()) {
            int at = random.nextInt(array.size());
            switch (random.nextInt(4)) {
                case 0 -> array.remove(at);
                case 1 -> array.add(array.get(at).deepCopy());
                default -> array.set(at, other);
            }
        }
    }

    private static String lenient(String word) {
        return word.equals("NaN") || word.startsWith("1e9999") ? "\"" + word + "\"" : word;
    }

    private static JsonElement wrapped(JsonElement value, int depth) {
        var out = value;
        for (int i = 0; i < depth; i++) {
            var list = new JsonArray();
            list.add(out);
            out = list;
        }
        return out;
    }

    private static void collect(JsonElement element, List<JsonElement> into) {
        if (element instanceof JsonObject object) {
            into.add(object);
            object.entrySet().forEach(entry -> collect(entry.getValue(), into));
        } else if (element instanceof JsonArray array) {
            into.add(array);
            array.forEach(each -> collect(each, into));
        } else {
            assertThat(element instanceof JsonPrimitive || element.isJsonNull()).isTrue();
        }
    }

    @Test
    void everyMessageOverGrpcHasAnAnswerOrATypedError() throws Exception {
        System.out.println("seed " + SEED);
        var random = new Random(SEED);
        var generate = bytes(GenerateContentRequest.newBuilder().setModel("models/tiny-words"), "generateContent.json");
        var content = CreateCachedContentRequest.newBuilder();
        JsonFormat.parser()
                .merge(Files.readString(CORPUS.resolve("cachedContents.json")), content.getCachedContentBuilder());
        for (int round = 0; round < ROUNDS / 2; round++) {
            boolean first = random.nextBoolean();
            var message = first ? generate.clone() : content.build().toByteArray();
            for (int i = random.nextInt(4); i > 0; i--) {
                message[random.nextInt(message.length)] ^= (byte) (1 << random.nextInt(8));
            }
            if (random.nextInt(6) == 0) {
                message = java.util.Arrays.copyOf(message, random.nextInt(message.length));
            }
            if (first) {
                call(GenerativeServiceGrpc.getGenerateContentMethod(), GenerateContentRequest.parser(), message);
            } else {
                call(CacheServiceGrpc.getCreateCachedContentMethod(), CreateCachedContentRequest.parser(), message);
            }
        }
    }

    private static byte[] bytes(Message.Builder into, String file) throws IOException {
        JsonFormat.parser().merge(Files.readString(CORPUS.resolve(file)), into);
        return into.build().toByteArray();
    }

    private static void call(MethodDescriptor<?, ?> method, Parser<?> parser, byte[] message) {
        var raw = MethodDescriptor.<byte[], byte[]>newBuilder()
                .setType(MethodDescriptor.MethodType.UNARY)
                .setFullMethodName(method.getFullMethodName())
                .setRequestMarshaller(new Bytes())
                .setResponseMarshaller(new Bytes())
                .build();
        try {
            ClientCalls.blockingUnaryCall(channel, raw, CallOptions.DEFAULT, message);
        } catch (StatusRuntimeException e) {
            var status = e.getStatus();
            // What is no message at all never reaches a handler: gRPC itself ends the call.
            boolean unread = !parses(parser, message);
            assertThat(unread || status.getCode() != Status.Code.INTERNAL && status.getCode() != Status.Code.UNKNOWN)
                    .as("%s of %s", status, java.util.HexFormat.of().formatHex(message))
                    .isTrue();
        }
    }

    private static boolean parses(Parser<?> parser, byte[] message) {
        try {
            parser.parseFrom(message);
            return true;
        } catch (InvalidProtocolBufferException e) {
            return false;
        }
    }

    private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
