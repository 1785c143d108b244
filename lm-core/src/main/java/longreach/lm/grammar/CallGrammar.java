package longreach.lm.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import longreach.lm.prompt.ToolSyntax;

/** Calls of functions, between their markers, with arguments that satisfy the functions' schemas. */
final class CallGrammar {
    private static final int MAX_FUNCTIONS = 128;
    private static final int MAX_CALLS = 16;

    private static final Leaf NOTHING = SchemaCompiler.literal("");
    private static final Leaf LINE = SchemaCompiler.literals(List.of("", "\n"));

    private CallGrammar() {}

    /** @param text what may stand instead of calls; null: any text, also in front of them */
    static Node of(Constraints.Calls calls, Node text) {
        if (calls.functions().isEmpty() || calls.functions().size() > MAX_FUNCTIONS) {
            throw new SchemaException("", "tools", calls.functions().size() + " functions", "1 to " + MAX_FUNCTIONS);
        }
        ToolSyntax syntax = calls.syntax();
        List<Node> bodies = new ArrayList<>();
        for (Constraints.Function function : calls.functions()) {
            bodies.add(body(function, syntax));
        }
        Node body = new Node.Any(bodies);
        Leaf open = SchemaCompiler.literal(syntax.open());
        Leaf close = SchemaCompiler.literal(syntax.close());
        int max = calls.max() == 0 ? MAX_CALLS : Math.min(MAX_CALLS, calls.max());
        // Behind an opening marker: a call, and maybe more.
        Node opened = Node.All.of(LINE, body, LINE, close);
        for (int i = 1; i < max; i++) {
            opened = Node.All.of(
                    LINE, body, LINE, close, new Node.Any(List.of(NOTHING, Node.All.of(LINE, open, opened))));
        }
        Node called = Node.All.of(open, opened);
        if (calls.required()) {
            return called;
        }
        if (text != null) {
            return new Node.Any(List.of(text, called));
        }
        byte[] marker = syntax.open().getBytes(StandardCharsets.UTF_8);
        return new Node.Any(List.of(
                new Leaf.Regular(search(marker, false)), Node.All.of(new Leaf.Regular(search(marker, true)), opened)));
    }

    private static Node body(Constraints.Function function, ToolSyntax syntax) {
        String name = JsonText.quote(function.name());
        List<String> heads = new ArrayList<>();
        for (String colon : List.of(":", ": ")) {
            for (String comma : List.of(",", ", ")) {
                heads.add("{\"name\"" + colon + name + comma + JsonText.quote(syntax.argumentsKey()) + colon);
            }
        }
        Node arguments = function.parameters().isEmpty()
                ? SchemaCompiler.literal("{}")
                : SchemaCompiler.compile(function.parameters(), "of " + SchemaCompiler.shorten(function.name()) + " ");
        return Node.All.of(SchemaCompiler.literals(heads), arguments, SchemaCompiler.literal("}"));
    }

    /**
     * Any bytes without the marker in them, or, with {@code found}, any bytes up to the end of the first one
     * (Knuth, Morris and Pratt, 1977).
     */
    private static Dfa search(byte[] marker, boolean found) {
        int[] classOf = new int[256];
        int classes = 1;
        for (byte b : marker) {
            if (classOf[b & 0xFF] == 0) {
                classOf[b & 0xFF] = classes++;
            }
        }
        List<int[]> rows = new ArrayList<>();
        boolean[] accepting = new boolean[marker.length + 1];
        // Where the automaton would be had it begun one byte later.
        int later = 0;
        for (int s = 0; s < marker.length; s++) {
            int[] row = s == 0 ? new int[classes] : rows.get(later).clone();
            if (s > 0) {
                later = rows.get(later)[classOf[marker[s] & 0xFF]];
            }
            row[classOf[marker[s] & 0xFF]] = s + 1;
            rows.add(row);
            accepting[s] = !found;
        }
        int[] last = new int[classes];
        java.util.Arrays.fill(last, -1);
        rows.add(last);
        accepting[marker.length] = found;
        return Dfa.of(classOf, rows, accepting);
    }
}
