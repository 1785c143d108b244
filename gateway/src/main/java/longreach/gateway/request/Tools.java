package longreach.gateway.request;

import static longreach.gateway.error.ApiException.badField;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import longreach.gateway.error.ApiException;
import longreach.gemini.v1beta.FunctionCall;
import longreach.gemini.v1beta.FunctionDeclaration;
import longreach.gemini.v1beta.FunctionResponse;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.gemini.v1beta.Tool;
import longreach.v1.ToolCall;
import longreach.v1.ToolDeclaration;
import longreach.v1.ToolResult;
import longreach.v1.ToolUse;

/**
 * The functions of a request.
 *
 * @param declared what the model is told of
 * @param use what it may call, and whether it must; null: nothing
 */
public record Tools(List<ToolDeclaration> declared, ToolUse use) {
    public static final Tools NONE = new Tools(List.of(), null);

    private static final int MAX_FUNCTIONS = 128;
    private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_.:-]{0,127}");
    private static final JsonFormat.Printer PRINTER = JsonFormat.printer().omittingInsignificantWhitespace();

    /** @throws ApiException INVALID_ARGUMENT, or UNIMPLEMENTED for tools that are no functions */
    static Tools of(GenerateContentRequest request) {
        List<ToolDeclaration> declared = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (int i = 0; i < request.getToolsCount(); i++) {
            var tool = request.getTools(i);
            var path = "tools[" + i + "]";
            refuseOthers(tool, path);
            for (int k = 0; k < tool.getFunctionDeclarationsCount(); k++) {
                var at = path + ".functionDeclarations[" + k + "]";
                var declaration = declaration(tool.getFunctionDeclarations(k), at);
                if (!names.add(declaration.getName())) {
                    throw badField(at + ".name", declaration.getName(), "a name that no other function has");
                }
                declared.add(declaration);
            }
        }
        if (declared.size() > MAX_FUNCTIONS) {
            throw badField("tools", declared.size() + " functions", "at most " + MAX_FUNCTIONS);
        }
        return new Tools(List.copyOf(declared), use(request, declared, names));
    }

    private static void refuseOthers(Tool tool, String path) {
        var fields = new ArrayList<String>();
        tool.getAllFields().keySet().forEach(field -> fields.add(field.getJsonName()));
        fields.remove("functionDeclarations");
        if (!fields.isEmpty()) {
            throw ApiException.unimplemented(
                    path + "." + fields.getFirst() + ": set (expected: functionDeclarations; no other tool is served)");
        }
    }

    private static ToolDeclaration declaration(FunctionDeclaration function, String path) {
        if (!NAME.matcher(function.getName()).matches()) {
            throw badField(
                    path + ".name",
                    '"' + Requests.shorten(function.getName()) + '"',
                    "a letter or _, then letters, digits, _ . : or -, at most 128");
        }
        if (function.hasParameters() && function.hasParametersJsonSchema()) {
            throw badField(path + ".parametersJsonSchema", "set beside parameters", "one of the two");
        }
        var out = ToolDeclaration.newBuilder().setName(function.getName()).setDescription(function.getDescription());
        if (function.hasParameters()) {
            out.setParametersSchema(AnswerSchema.text(function.getParameters(), path + ".parameters"));
        } else if (function.hasParametersJsonSchema()) {
            out.setParametersSchema(
                    AnswerSchema.text(function.getParametersJsonSchema(), path + ".parametersJsonSchema"));
        }
        return out.build();
    }

    private static ToolUse use(GenerateContentRequest request, List<ToolDeclaration> declared, Set<String> names) {
        var config = request.getToolConfig().getFunctionCallingConfig();
        var path = "toolConfig.functionCallingConfig";
        List<ToolDeclaration> allowed = declared;
        if (config.getAllowedFunctionNamesCount() > 0) {
            for (var name : config.getAllowedFunctionNamesList()) {
                if (!names.contains(name)) {
                    throw badField(
                            path + ".allowedFunctionNames", Requests.shorten(name), "the name of a declared function");
                }
            }
            allowed = declared.stream()
                    .filter(tool -> config.getAllowedFunctionNamesList().contains(tool.getName()))
                    .toList();
        }
        return switch (config.getMode()) {
            // Gemini's VALIDATED is AUTO with arguments that satisfy their schemas, as they always do here.
            case MODE_UNSPECIFIED, AUTO, VALIDATED -> allowed.isEmpty() ? null : use(ToolUse.Mode.AUTO, allowed);
            case ANY -> {
                if (allowed.isEmpty()) {
                    throw badField(path + ".mode", "ANY", "at least one declared function beside it");
                }
                yield use(ToolUse.Mode.REQUIRED, allowed);
            }
            case NONE -> null;
            case UNRECOGNIZED -> throw badField(path + ".mode", config.getModeValue(), "AUTO, ANY, NONE or VALIDATED");
        };
    }

    private static ToolUse use(ToolUse.Mode mode, List<ToolDeclaration> allowed) {
        return ToolUse.newBuilder().setMode(mode).addAllDeclarations(allowed).build();
    }

    static ToolCall call(FunctionCall call, String path) {
        if (call.getName().isEmpty()) {
            throw badField(path + ".functionCall.name", "empty", "the name of a function");
        }
        return ToolCall.newBuilder()
                .setId(call.getId())
                .setName(call.getName())
                .setArguments(json(call.getArgs(), path + ".functionCall.args"))
                .build();
    }

    static ToolResult result(FunctionResponse response, String path) {
        if (response.getName().isEmpty()) {
            throw badField(path + ".functionResponse.name", "empty", "the name of the function that was called");
        }
        if (response.getPartsCount() > 0) {
            throw ApiException.unimplemented(
                    path + ".functionResponse.parts: set (expected: response; media in results are not served)");
        }
        return ToolResult.newBuilder()
                .setId(response.getId())
                .setName(response.getName())
                .setResponse(json(response.getResponse(), path + ".functionResponse.response"))
                .build();
    }

    private static String json(Struct struct, String path) {
        try {
            return PRINTER.print(struct);
        } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
            throw badField(path, "not JSON", "a JSON object");
        }
    }
}
