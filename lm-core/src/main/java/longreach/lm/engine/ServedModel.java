package longreach.lm.engine;

import longreach.lm.grammar.Constraints;
import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.lm.prompt.ChatTemplate;

/**
 * A model that is being served.
 *
 * @param recommended the makers' defaults
 * @param thinking the tokens around its thoughts; null: it does not think
 * @param constraints forms that answers may be given
 * @param source what the weights are read from; closed with this
 */
public record ServedModel(
        Engine engine,
        ChatTemplate template,
        TokenText tokens,
        Precision precision,
        Recommended recommended,
        ThinkMarkers thinking,
        Constraints constraints,
        AutoCloseable source)
        implements AutoCloseable {
    /** A model that does not think. */
    public ServedModel(
            Engine engine,
            ChatTemplate template,
            TokenText tokens,
            Precision precision,
            Recommended recommended,
            AutoCloseable source) {
        this(
                engine,
                template,
                tokens,
                precision,
                recommended,
                null,
                new Constraints(tokens, engine.card().vocabulary()),
                source);
    }

    public record Recommended(String displayName, String description, float temperature, float topP, int topK) {}

    public ModelCard card() {
        return engine.card();
    }

    @Override
    public void close() throws Exception {
        engine.close();
        source.close();
    }
}
