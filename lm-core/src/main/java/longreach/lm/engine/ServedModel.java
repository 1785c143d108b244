package longreach.lm.engine;

import longreach.lm.model.ModelCard;
import longreach.lm.model.Precision;
import longreach.lm.prompt.ChatTemplate;

/**
 * A model that is being served.
 *
 * @param recommended the makers' defaults
 * @param source what the weights are read from; closed with this
 */
public record ServedModel(
        Engine engine,
        ChatTemplate template,
        TokenText tokens,
        Precision precision,
        Recommended recommended,
        AutoCloseable source)
        implements AutoCloseable {
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
