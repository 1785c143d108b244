package longreach.lm.engine;

import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import longreach.lm.grammar.Constraints;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.Llama;
import longreach.lm.model.Precision;
import longreach.lm.prompt.ChatTemplate;
import longreach.store.api.ChunkStore;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.tokenizer.ByteLevelBpe;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.WeightsException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens checkpoints. */
public final class ModelLoader {
    private static final Logger log = LoggerFactory.getLogger(ModelLoader.class);

    private ModelLoader() {}

    /** A checkpoint's model and tokenizer; closing it frees both and the file. */
    public record Checkpoint(GgufFile file, LanguageModel model, ModelTokenizer tokenizer) implements AutoCloseable {
        /** The checkpoint's own chat template. */
        public ChatTemplate template() {
            var metadata = file.metadata();
            return new ChatTemplate(
                    metadata.string("tokenizer.chat_template"),
                    tokenizer.name(metadata.integer("tokenizer.ggml.bos_token_id", -1)),
                    tokenizer.name(metadata.integer("tokenizer.ggml.eos_token_id", -1)),
                    tokenizer);
        }

        @Override
        public void close() {
            model.close();
            file.close();
        }
    }

    /** @throws WeightsException when the file is not a whole checkpoint of a family that is known here */
    public static Checkpoint open(String name, Path path, Kernels kernels, Precision precision) {
        GgufFile file = GgufFile.open(path);
        try {
            String architecture = file.metadata().string("general.architecture");
            LanguageModel model = switch (architecture) {
                case "llama" -> Llama.of(name, digest(file), file, kernels, precision);
                default ->
                    throw new WeightsException(path + ": general.architecture: " + architecture + " (expected: llama)");
            };
            return new Checkpoint(file, model, new ModelTokenizer(ByteLevelBpe.of(file), file.metadata()));
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** Loads a model and starts its engine. */
    public static ServedModel serve(
            ModelCatalogue.Entry entry,
            Kernels kernels,
            Precision precision,
            ChunkStore store,
            EngineSettings settings,
            EngineMetrics metrics) {
        long began = System.nanoTime();
        Checkpoint checkpoint = open(entry.name(), entry.file(), kernels, precision);
        try {
            ChatTemplate template = checkpoint.template();
            var engine = new Engine(
                    checkpoint.model(), kernels, checkpoint.tokenizer(), precision, store, settings, metrics);
            log.info(
                    "model {}: {} parameters, {} tokens of context, precision {}, kernels {}, loaded in {} ms",
                    entry.name(),
                    engine.card().parameters(),
                    engine.card().context(),
                    precision,
                    kernels.name(),
                    (System.nanoTime() - began) / 1_000_000);
            return new ServedModel(
                    engine,
                    template,
                    checkpoint.tokenizer(),
                    precision,
                    entry.recommended(),
                    checkpoint.tokenizer().thinkMarkers(),
                    new Constraints(checkpoint.tokenizer(), engine.card().vocabulary()),
                    checkpoint.file());
        } catch (RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    /** SHA-256 over every tensor's name, type, shape and bytes: the weights, whatever the file says beside them. */
    private static byte[] digest(GgufFile file) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            file.tensors().stream()
                    .sorted(java.util.Comparator.comparing(t -> t.name()))
                    .forEach(tensor -> {
                        sha.update(tensor.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
                        // A ByteBuffer holds at most 2 GiB.
                        for (long at = 0; at < tensor.data().byteSize(); at += 1 << 30) {
                            sha.update(tensor.data()
                                    .asSlice(at, Math.min(1 << 30, tensor.data().byteSize() - at))
                                    .asByteBuffer());
                        }
                    });
            return sha.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
