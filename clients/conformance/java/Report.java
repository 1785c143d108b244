import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** What the Java clients share: where the service is, and one JSON line for each case. */
final class Report {
    static final String URL = System.getenv("LONGREACH_URL");
    static final String KEY = env("LONGREACH_KEY", "any");
    static final String LIMITED_KEY = env("LONGREACH_LIMITED_KEY", "none");
    static final String MODEL = env("LONGREACH_MODEL", "smollm2-135m");
    static final String EMBEDDER = env("LONGREACH_EMBEDDER", "all-minilm-l6-v2");
    static final String FACT =
            "The lighthouse at Skerrow was built in 1874 and its lamp can be seen for thirty kilometres. ";
    static final String QUESTION = "When was the lighthouse built?";
    static final String TOO_LONG = "word ".repeat(20000);
    static final List<String> SENTENCES =
            List.of("The ferry leaves at six.", "A boat departs in the evening.", "The soup is too salty.");
    private static final String CASES = "generate stream chat system_instruction image audio video pdf files count_tokens"
            + " cached_content function_calling json_schema embeddings transcription interactions"
            + " error_bad_key error_bad_model error_quota error_too_long";

    private Report() {}

    interface Case {
        void run() throws Exception;
    }

    static final class NotApplicable extends RuntimeException {
        NotApplicable(String reason) {
            super(reason);
        }
    }

    private static String env(String name, String other) {
        var value = System.getenv(name);
        return value == null || value.isBlank() ? other : value;
    }

    static Path media(String name) {
        return Path.of(env("LONGREACH_MEDIA", "../media"), name);
    }

    static byte[] bytes(String name) throws IOException {
        return Files.readAllBytes(media(name));
    }

    static void check(boolean holds, Object shown) {
        if (!holds) {
            var text = String.valueOf(shown);
            throw new AssertionError(text.substring(0, Math.min(600, text.length())));
        }
    }

    static void checkEmbeddings(List<float[]> vectors) {
        check(vectors.size() == 3 && vectors.getFirst().length == 384, vectors.size());
        double near = cosine(vectors.get(0), vectors.get(1));
        double far = cosine(vectors.get(0), vectors.get(2));
        check(near > far + 0.2, near + " " + far);
    }

    private static double cosine(float[] a, float[] b) {
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            ab += a[i] * b[i];
            aa += a[i] * a[i];
            bb += b[i] * b[i];
        }
        return ab / Math.sqrt(aa * bb);
    }

    /** Runs what must be refused, and returns all messages of the exception's chain. */
    static String refused(Case call) {
        try {
            call.run();
        } catch (Exception e) {
            var said = new StringBuilder();
            for (Throwable each = e; each != null; each = each.getCause()) {
                said.append(each).append('\n');
            }
            return said.toString();
        }
        throw new AssertionError("was answered (expected: an error)");
    }

    static void checkRefused(Case call, String... words) {
        var said = refused(call);
        for (var word : words) {
            check(said.contains(word), said);
        }
    }

    static void run(String client, String version, Map<String, Case> cases, String... named) {
        boolean failed = false;
        for (var name : named.length == 0 ? CASES.split(" ") : named) {
            long began = System.nanoTime();
            var outcome = "pass";
            var reason = "";
            try {
                if (!cases.containsKey(name)) {
                    throw new NotApplicable("the client has no such call");
                }
                cases.get(name).run();
            } catch (NotApplicable e) {
                outcome = "n/a";
                reason = e.getMessage();
            } catch (Exception | AssertionError e) {
                outcome = "fail";
                failed = true;
                reason = e + at(e);
            }
            var fields = new ArrayList<>(List.of(
                    field("client", client),
                    field("language", "Java"),
                    field("version", version),
                    field("case", name),
                    field("outcome", outcome)));
            if (!reason.isEmpty()) {
                fields.add(field("reason", reason.substring(0, Math.min(800, reason.length()))));
            }
            fields.add("\"ms\": " + (System.nanoTime() - began) / 1_000_000);
            System.out.println("{" + String.join(", ", fields) + "}");
        }
        System.exit(failed ? 1 : 0);
    }

    private static String at(Throwable e) {
        return Arrays.stream(e.getStackTrace())
                .filter(frame -> frame.getClassName().matches("GoogleGenai|LangChain4j|SpringAi"))
                .map(frame -> " (line " + frame.getLineNumber() + ")")
                .findFirst()
                .orElse("");
    }

    private static String field(String name, String value) {
        var out = new StringBuilder("\"" + name + "\": \"");
        for (char c : value.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
