package longreach.lm.prompt;

/**
 * How a model writes a call: {@code open}, a JSON object with the name and the arguments, {@code close}; a line break may
 * stand around the object and between calls.
 *
 * @param argumentsKey "arguments" or "parameters"
 */
public record ToolSyntax(String open, String close, String argumentsKey) {
    /** What most families were trained on (NousResearch/Hermes-Function-Calling, README), and what others are told. */
    public static final ToolSyntax TAGS = new ToolSyntax("<tool_call>", "</tool_call>", "arguments");
}
