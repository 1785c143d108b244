package longreach.gateway.interaction;

import com.google.gson.JsonObject;
import com.google.rpc.Status;
import java.util.Locale;
import java.util.regex.Pattern;

/** Errors as the clients of interactions read them: the code is a word, and fields have the names that they have here. */
public final class InteractionErrors {
    private static final Pattern ROUTE = Pattern.compile("/v1(?:beta|alpha)?/interactions(?:[/:].*)?");
    private static final Pattern CONFIG = Pattern.compile("^generationConfig((?:\\.[A-Za-z]+)+)");
    private static final Pattern FUNCTION = Pattern.compile("^tools\\[0]\\.functionDeclarations\\[(\\d+)]");
    private static final Pattern CONTENT = Pattern.compile("^contents(?:\\[\\d+](?:\\.parts\\[\\d+])?)?(?=[.:])");

    private InteractionErrors() {}

    /** Whether a path is one of interactions. */
    public static boolean concerns(String path) {
        return ROUTE.matcher(path).matches();
    }

    public static String toJson(Status status) {
        var name = io.grpc.Status.fromCodeValue(status.getCode()).getCode().name();
        var error = new JsonObject();
        error.addProperty("code", name.toLowerCase(Locale.ROOT));
        error.addProperty("message", renamed(status.getMessage()));
        error.addProperty("status", name);
        var out = new JsonObject();
        out.add("error", error);
        return out.toString();
    }

    static String renamed(String message) {
        var config = CONFIG.matcher(message);
        if (config.find()) {
            return "generation_config" + snake(config.group(1)) + message.substring(config.end());
        }
        var function = FUNCTION.matcher(message);
        if (function.find()) {
            return "tools[" + function.group(1) + "]" + message.substring(function.end());
        }
        return CONTENT.matcher(message).replaceFirst("input");
    }

    private static String snake(String camel) {
        return camel.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }
}
