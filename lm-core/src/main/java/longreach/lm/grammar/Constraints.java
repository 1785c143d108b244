package longreach.lm.grammar;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import longreach.lm.engine.TokenText;
import longreach.lm.prompt.ToolSyntax;
import longreach.lm.sample.TokenMask;

/**
 * Masks for one model's vocabulary. The token tree is made when the first one is asked for; grammars are kept, so that a
 * schema that is sent again finds its masks made. Safe for use by several threads.
 */
public final class Constraints {
    private static final int MAX_GRAMMARS = 32;

    private final TokenText text;
    private final int vocabulary;
    private final Map<Form, Grammar> grammars = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Form, Grammar> eldest) {
            return size() > MAX_GRAMMARS;
        }
    };
    private TokenSets sets;

    /** @param vocabulary ids are [0, vocabulary) */
    public Constraints(TokenText text, int vocabulary) {
        this.text = text;
        this.vocabulary = vocabulary;
    }

    /** Texts that an answer may be. Equal ones share their grammar. */
    public sealed interface Form {}

    /**
     * A value that satisfies a JSON Schema.
     *
     * @param schema its text; "true" for any value
     */
    public record Json(String schema) implements Form {}

    /** One of these texts. */
    public record Choice(List<String> texts) implements Form {
        public Choice {
            texts = List.copyOf(texts);
        }
    }

    /**
     * Calls of functions.
     *
     * @param text what the answer may be instead; null: text with or without calls behind it
     * @param required whether it must be calls
     */
    public record Calls(ToolSyntax syntax, List<Function> functions, int max, boolean required, Form text)
            implements Form {
        public Calls {
            functions = List.copyOf(functions);
        }
    }

    /** @param parameters JSON Schema of an object; empty: none */
    public record Function(String name, String parameters) {}

    /** @throws SchemaException when a schema is none, or asks for what is not supported */
    public TokenMask mask(Form form) {
        Grammar grammar;
        synchronized (grammars) {
            grammar = grammars.get(form);
        }
        if (grammar == null) {
            grammar = new Grammar(node(form));
            synchronized (grammars) {
                grammars.put(form, grammar);
            }
        }
        TokenSets made = sets();
        // Before the engine's thread asks for it.
        made.after(grammar.begin());
        return new GrammarMask(made, text::bytes, grammar.begin());
    }

    private static Node node(Form form) {
        return switch (form) {
            case Json json -> SchemaCompiler.compile(json.schema(), "");
            case Choice choice -> SchemaCompiler.choice(choice.texts());
            case Calls calls -> CallGrammar.of(calls, calls.text() == null ? null : node(calls.text()));
        };
    }

    private synchronized TokenSets sets() {
        if (sets == null) {
            sets = new TokenSets(TokenTrie.of(text, vocabulary));
        }
        return sets;
    }
}
