package longreach.lm.prompt;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import longreach.v1.RenderPart;
import longreach.v1.Segment;
import longreach.v1.ToolDeclaration;
import longreach.v1.Turn;

/**
 * Lays a conversation out as segments by the checkpoint's own Jinja template.
 *
 * <p>The template never sees what people wrote: it renders a placeholder for each message, and the parts are put in their
 * places afterwards. Control tokens can therefore come from the template alone, whatever a text contains.
 *
 * <p>Where text is cut matters to a byte-pair tokenizer. The rule: markup and unmarked text parts that touch are tokenized
 * as one text, so a plain conversation has the ids that the reference gives it. A control token, a part with a modality
 * or source mark of its own, a soft part, the beginning of a model's turn and a boundary are cuts: text on their two sides is tokenized separately. The
 * ids up to a cut then depend on nothing that follows it, which is what makes them a prefix others can share.
 */
public final class ChatTemplate {
    // A separator on each side, which counts as white space, shows whether the template trims what it prints.
    private static final Pattern PLACEHOLDER = Pattern.compile("(\u001F?)\uE000(\\d{1,9})\uE001(\u001F?)");
    private static final String BREAK = "\uE002";
    private static final long MAX_OUTPUT_BYTES = 1 << 20;

    private final String template;
    private final String bos;
    private final String eos;
    private final PromptTokenizer tokenizer;
    private final Pattern controls;
    private final boolean knowsTools;
    private final ToolSyntax calls = ToolSyntax.TAGS;
    private final Jinjava jinja;
    private final boolean takesSystem;
    private final boolean takesSystemAlone;

    /**
     * @param template the checkpoint's {@code chat_template}
     * @param bos text of the token that begins a stream, for templates that print it
     * @param eos text of the token that ends one
     */
    public ChatTemplate(String template, String bos, String eos, PromptTokenizer tokenizer) {
        this.template = template;
        this.bos = bos;
        this.eos = eos;
        this.tokenizer = tokenizer;
        // Templates that write calls another way would teach the model a form that its answers are not read in.
        knowsTools = template.contains("tools") && template.contains(ToolSyntax.TAGS.open());
        // Longer ones first, so that none is taken for the beginning of another.
        controls = Pattern.compile(tokenizer.controlTokens().keySet().stream()
                .sorted(Comparator.comparingInt(String::length).reversed())
                .map(Pattern::quote)
                .collect(Collectors.joining("|", "(?:", ")")));
        // The reference renders with trim_blocks and lstrip_blocks.
        jinja = new Jinjava(JinjavaConfig.newBuilder()
                .withTrimBlocks(true)
                .withLstripBlocks(true)
                .withMaxOutputSize(MAX_OUTPUT_BYTES)
                .build());
        jinja.getGlobalContext()
                .registerFunction(new ELFunctionDefinition(
                        "", "raise_exception", TemplateFunctions.class, "raiseException", String.class));
        takesSystem = takes("system", "user");
        takesSystemAlone = takes("system");
    }

    /** Whether the template can render messages of these roles, each of them once and in order. */
    private boolean takes(String... roles) {
        List<Map<String, Object>> messages = new ArrayList<>();
        for (String role : roles) {
            messages.add(Map.of("role", role, "content", ChatMessages.placeholder(messages.size())));
        }
        RenderResult result = jinja.renderForResult(template, context(messages, List.of(), null, true));
        int placed = 0;
        for (Matcher at = PLACEHOLDER.matcher(result.getOutput()); at.find(); placed++) {
            if (Integer.parseInt(at.group(2)) != placed) {
                return false;
            }
        }
        return !result.hasErrors() && placed == roles.length;
    }

    /**
     * A template that has no place for a system turn gets its parts in front of the first user turn, a blank line between.
     *
     * @param system parts of the system turn; empty: the template's own default, if it has one
     * @param turns at least one, unless there is a system turn; when the last one is the model's, the stream ends with it, to be continued
     * @throws IllegalArgumentException when the conversation is malformed or the template cannot render it
     */
    public List<Segment> render(List<RenderPart> system, List<Turn> turns) {
        return render(system, turns, List.of(), null);
    }

    /**
     * The same with functions. A template that knows of them renders them, their calls and results as the model was
     * trained; for others they are described in the system turn and written as text.
     *
     * @param thinking what the template is told as {@code enable_thinking}; null: nothing
     */
    public List<Segment> render(
            List<RenderPart> system, List<Turn> turns, List<ToolDeclaration> tools, Boolean thinking) {
        check(system, turns);
        var messages = new ChatMessages(this::guard);
        if (knowsTools) {
            return render(messages, system, turns, messages.declarations(tools), thinking);
        }
        return render(
                messages, ToolTurns.system(system, tools, calls), ToolTurns.plain(turns, calls), List.of(), thinking);
    }

    /** How this model writes calls. */
    public ToolSyntax calls() {
        return calls;
    }

    private List<Segment> render(
            ChatMessages messages,
            List<RenderPart> system,
            List<Turn> turns,
            List<Map<String, Object>> tools,
            Boolean thinking) {
        if (!system.isEmpty() && !(turns.isEmpty() ? takesSystemAlone : takesSystem)) {
            return render(messages, List.of(), folded(system, turns), tools, thinking);
        }
        if (!system.isEmpty()) {
            messages.system(system);
        }
        turns.forEach(messages::turn);
        List<List<RenderPart>> contents = messages.contents();
        boolean continued = !turns.isEmpty() && turns.getLast().getRole() == Turn.Role.MODEL;
        String markup = renderMarkup(messages.messages(), tools, thinking, !continued);

        var layout = new SegmentLayout(tokenizer);
        Matcher at = PLACEHOLDER.matcher(markup);
        int done = 0;
        int placed = 0;
        while (at.find()) {
            addMarkup(markup.substring(done, at.start()), layout);
            done = at.end();
            int index = Integer.parseInt(at.group(2));
            if (index != placed++) {
                throw new IllegalArgumentException("chat template: message " + index + " (expected: message "
                        + (placed - 1) + ", each once and in order)");
            }
            boolean last = placed == contents.size();
            if (messages.isModel(index)) {
                // Where an earlier request's prompt ended, and where its answer did: others go on from both.
                layout.boundary();
            }
            trimmed(contents.get(index), at.group(1).isEmpty(), at.group(3).isEmpty())
                    .forEach(layout::part);
            if (messages.isModel(index) && !last) {
                layout.boundary();
            }
            if (last && continued) {
                return layout.segments();
            }
        }
        if (placed != contents.size()) {
            throw new IllegalArgumentException(
                    "chat template: " + placed + " messages (expected: all " + contents.size() + ")");
        }
        addMarkup(markup.substring(done), layout);
        return layout.segments();
    }

    private static List<Turn> folded(List<RenderPart> system, List<Turn> turns) {
        boolean first = !turns.isEmpty() && turns.getFirst().getRole() == Turn.Role.USER;
        var user = Turn.newBuilder().setRole(Turn.Role.USER).addAllParts(system);
        if (first) {
            user.addParts(RenderPart.newBuilder().setText("\n\n"))
                    .addAllParts(turns.getFirst().getPartsList());
        }
        List<Turn> folded = new ArrayList<>(turns);
        if (first) {
            folded.set(0, user.build());
        } else {
            folded.addFirst(user.build());
        }
        return folded;
    }

    /** The parts without the white space that a template takes from either end of a message. */
    private static List<RenderPart> trimmed(List<RenderPart> parts, boolean leading, boolean trailing) {
        List<RenderPart> trimmed = new ArrayList<>(parts);
        for (int i = 0; leading && i < trimmed.size() && trimmed.get(i).hasText(); i++) {
            String text = trimmed.get(i).getText();
            int from = 0;
            while (from < text.length() && isSpace(text.charAt(from))) {
                from++;
            }
            trimmed.set(
                    i, trimmed.get(i).toBuilder().setText(text.substring(from)).build());
            leading = from == text.length();
        }
        for (int i = trimmed.size() - 1; trailing && i >= 0 && trimmed.get(i).hasText(); i--) {
            String text = trimmed.get(i).getText();
            int to = text.length();
            while (to > 0 && isSpace(text.charAt(to - 1))) {
                to--;
            }
            trimmed.set(
                    i, trimmed.get(i).toBuilder().setText(text.substring(0, to)).build());
            trailing = to == 0;
        }
        return trimmed;
    }

    // As Python's str.strip has it, which the reference's filter is.
    private static boolean isSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
    }

    private static void check(List<RenderPart> system, List<Turn> turns) {
        if (turns.isEmpty() && system.isEmpty()) {
            throw new IllegalArgumentException("turns: 0 (expected: at least 1)");
        }
        for (int i = 0; i < turns.size(); i++) {
            Turn turn = turns.get(i);
            if (turn.getRole() != Turn.Role.USER && turn.getRole() != Turn.Role.MODEL) {
                throw new IllegalArgumentException(
                        "turns[" + i + "].role: " + turn.getRole() + " (expected: USER or MODEL)");
            }
            for (int k = 0; k < turn.getPartsCount(); k++) {
                if (turn.getParts(k).getKindCase() == RenderPart.KindCase.KIND_NOT_SET) {
                    throw new IllegalArgumentException(
                            "turns[" + i + "].parts[" + k + "]: empty (expected: text or soft tokens)");
                }
                boolean model = turn.getRole() == Turn.Role.MODEL;
                if (model ? turn.getParts(k).hasResult() : turn.getParts(k).hasCall()) {
                    throw new IllegalArgumentException("turns[" + i + "].parts[" + k + "]: a "
                            + (model ? "result of the model's" : "call of the user's")
                            + " (expected: calls in its turns, results in the user's)");
                }
            }
            if (i == turns.size() - 1 && turn.getPartsList().stream().anyMatch(RenderPart::hasCall)) {
                throw new IllegalArgumentException(
                        "turns[" + i + "]: ends with a call (expected: a turn with its result behind it)");
            }
        }
    }

    private String renderMarkup(
            List<Map<String, Object>> messages,
            List<Map<String, Object>> tools,
            Boolean thinking,
            boolean generationPrompt) {
        RenderResult result = jinja.renderForResult(template, context(messages, tools, thinking, generationPrompt));
        if (result.hasErrors()) {
            throw new IllegalArgumentException("chat template: "
                    + result.getErrors().getFirst().getMessage() + " (expected: a template that renders)");
        }
        return result.getOutput();
    }

    private Map<String, Object> context(
            List<Map<String, Object>> messages,
            List<Map<String, Object>> tools,
            Boolean thinking,
            boolean generationPrompt) {
        Map<String, Object> context = new HashMap<>();
        context.put("messages", messages);
        if (!tools.isEmpty()) {
            context.put("tools", tools);
        }
        if (thinking != null) {
            context.put("enable_thinking", thinking);
        }
        context.put("add_generation_prompt", generationPrompt);
        context.put("bos_token", bos);
        context.put("eos_token", eos);
        return context;
    }

    /** Breaks what a template's output might be mistaken for; {@link #addMarkup} takes the breaks out. */
    private String guard(String text) {
        String guarded = text.replace("\uE000", "\uE000" + BREAK);
        if (tokenizer.controlTokens().isEmpty()) {
            return guarded;
        }
        return controls.matcher(guarded)
                .replaceAll(match -> Matcher.quoteReplacement(
                        match.group().substring(0, 1) + BREAK + match.group().substring(1)));
    }

    private void addMarkup(String markup, SegmentLayout layout) {
        if (tokenizer.controlTokens().isEmpty()) {
            layout.text(markup.replace(BREAK, ""));
            return;
        }
        Matcher at = controls.matcher(markup);
        int done = 0;
        while (at.find()) {
            layout.text(markup.substring(done, at.start()).replace(BREAK, ""));
            layout.control(tokenizer.controlTokens().get(at.group()));
            done = at.end();
        }
        layout.text(markup.substring(done).replace(BREAK, ""));
    }
}
