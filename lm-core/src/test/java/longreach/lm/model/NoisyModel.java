package longreach.lm.model;

import java.util.Random;
import longreach.lm.kv.KeyRotation;
import longreach.lm.kv.KvShape;

/** Another model's logits with noise of its own for each token: one that is right as often as the noise lets it. */
public final class NoisyModel implements LanguageModel {
    private final LanguageModel model;
    private final float[] noise;

    /** @param scale standard deviation of the noise; 0: the same model */
    public NoisyModel(LanguageModel model, float scale, long seed) {
        this.model = model;
        var random = new Random(seed);
        noise = new float[model.card().vocabulary()];
        for (int i = 0; i < noise.length; i++) {
            noise[i] = scale * (float) random.nextGaussian();
        }
    }

    @Override
    public ModelCard card() {
        // As if it were much smaller, so that its guesses are worth their time.
        ModelCard c = model.card();
        return new ModelCard(
                c.name(),
                c.family(),
                c.digest(),
                c.context(),
                c.vocabulary(),
                c.width(),
                c.softWidth(),
                c.parameters() / 50);
    }

    @Override
    public KvShape kvShape() {
        return model.kvShape();
    }

    @Override
    public KeyRotation rotation() {
        return model.rotation();
    }

    @Override
    public void forward(Batch batch) {
        model.forward(batch);
        for (int row = 0; row < batch.logitRows(); row++) {
            int at = batch.logitsOffset(row);
            for (int i = 0; i < noise.length; i++) {
                batch.logits()[at + i] += noise[i];
            }
        }
    }

    @Override
    public void close() {
        model.close();
    }
}
