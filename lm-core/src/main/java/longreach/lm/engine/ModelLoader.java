package longreach.lm.engine;

import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.List;
import longreach.lm.grammar.Constraints;
import longreach.lm.model.Gemma2;
import longreach.lm.model.Gemma3;
import longreach.lm.model.LanguageModel;
import longreach.lm.model.Llama;
import longreach.lm.model.Precision;
import longreach.lm.model.RecurrentGemma;
import longreach.lm.prompt.ChatTemplate;
import longreach.lm.select.TextEmbedder;
import longreach.store.api.ChunkStore;
import longreach.tensor.kernel.KernelCheck;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.tokenizer.Tokenizer;
import longreach.tensor.weights.GgufFile;
import longreach.tensor.weights.ModelDirectory;
import longreach.tensor.weights.ModelFiles;
import longreach.tensor.weights.WeightsException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens checkpoints. */
public final class ModelLoader {
    private static final Logger log = LoggerFactory.getLogger(ModelLoader.class);

    /** Long enough for a small model's steps to be compiled; whoever starts a server waits for it. */
    static final Duration WARM_UP = Duration.ofMillis(2500);

    private ModelLoader() {}

    /** A checkpoint's model and tokenizer; closing it frees both and the files. */
    public record Checkpoint(ModelFiles files, LanguageModel model, ModelTokenizer tokenizer) implements AutoCloseable {
        /**
         * The checkpoint's own chat template.
         *
         * @throws WeightsException when it has none
         */
        public ChatTemplate template() {
            ChatFiles chat = ChatFiles.of(files);
            String template = chat.template()
                    .orElseThrow(() -> new WeightsException(
                            files.path() + ": no chat template (expected: one, as models for conversations have)"));
            return new ChatTemplate(template, chat.begin(), chat.end(), tokenizer);
        }

        @Override
        public void close() {
            model.close();
            files.close();
        }
    }

    /**
     * @param path a GGUF file, or a directory of safetensors
     * @throws WeightsException when it is not a whole checkpoint of a family that is known here
     */
    public static Checkpoint open(String name, Path path, Kernels kernels, Precision precision) {
        ModelFiles files = ModelFiles.open(path);
        LanguageModel model = null;
        try {
            model = model(name, files, kernels, precision);
            return new Checkpoint(
                    files,
                    model,
                    new ModelTokenizer(Tokenizer.of(files), ChatFiles.of(files).ends()));
        } catch (RuntimeException | Error e) {
            if (model != null) {
                model.close();
            }
            files.close();
            throw e;
        }
    }

    /** The model alone, of whichever family the files name; it does not own the files. */
    static LanguageModel model(String name, ModelFiles files, Kernels kernels, Precision precision) {
        try {
            return switch (family(files)) {
                case "llama" -> Llama.of(name, digest(files), files, kernels, precision);
                case "gemma2" -> Gemma2.of(name, digest(files), files, kernels, precision);
                case "gemma3" -> Gemma3.of(name, digest(files), files, kernels, precision);
                case "recurrent_gemma" ->
                    RecurrentGemma.of(name, digest(files), (ModelDirectory) files, kernels, precision);
                default -> throw new IllegalStateException(family(files));
            };
        } catch (IllegalArgumentException e) {
            throw new WeightsException(files.path() + ": " + e.getMessage(), e);
        }
    }

    private static String family(ModelFiles files) {
        return switch (files) {
            case GgufFile file -> {
                String architecture = file.metadata().string("general.architecture");
                yield switch (architecture) {
                    case "llama", "gemma2", "gemma3" -> architecture;
                    default ->
                        throw file.metadata().problem("general.architecture", architecture, "llama, gemma2 or gemma3");
                };
            }
            case ModelDirectory directory -> {
                List<String> architectures = directory.config().strings("architectures");
                yield switch (architectures.isEmpty() ? "" : architectures.getFirst()) {
                    case "LlamaForCausalLM" -> "llama";
                    case "Gemma2ForCausalLM" -> "gemma2";
                    case "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration" -> "gemma3";
                    case "RecurrentGemmaForCausalLM" -> "recurrent_gemma";
                    default ->
                        throw directory
                                .config()
                                .problem(
                                        "architectures",
                                        architectures,
                                        "LlamaForCausalLM, Gemma2ForCausalLM, Gemma3ForCausalLM,"
                                                + " Gemma3ForConditionalGeneration or RecurrentGemmaForCausalLM");
                };
            }
        };
    }

    /** Loads a model and starts its engine. */
    public static ServedModel serve(
            ModelCatalogue.Entry entry,
            Kernels kernels,
            Precision precision,
            ChunkStore store,
            EngineSettings settings,
            EngineMetrics metrics) {
        return serve(entry, null, kernels, precision, store, settings, metrics, null);
    }

    /** Warms the kernels up, lets them choose their way of multiplying prompts, and warms that up where it is another. */
    public static WarmUp.Outcome warmUp(Checkpoint checkpoint, Kernels kernels, Precision precision) {
        String before = kernels.prefillType();
        WarmUp.Outcome outcome = WarmUp.run(checkpoint.model(), kernels, precision, WARM_UP);
        KernelCheck.run(kernels);
        if (!kernels.prefillType().equals(before)) {
            WarmUp.run(checkpoint.model(), kernels, precision, WARM_UP);
        }
        return outcome;
    }

    /**
     * The same with a model that guesses, and one that tells which texts mean alike.
     *
     * @param guessing null: none
     * @param embedder as the engine's; null: none
     * @throws WeightsException when its tokens are not the model's
     */
    public static ServedModel serve(
            ModelCatalogue.Entry entry,
            ModelCatalogue.Entry guessing,
            Kernels kernels,
            Precision precision,
            ChunkStore store,
            EngineSettings settings,
            EngineMetrics metrics,
            TextEmbedder embedder) {
        long began = System.nanoTime();
        Checkpoint checkpoint = open(entry.name(), entry.file(), kernels, precision);
        Checkpoint draft = null;
        try {
            ChatTemplate template = checkpoint.template();
            long loaded = System.nanoTime();
            WarmUp.Outcome warm = warmUp(checkpoint, kernels, precision);
            log.info(
                    "model {}: warm after {} rounds in {} ms, {} to {} ms a round{}",
                    entry.name(),
                    warm.rounds(),
                    warm.milliseconds(),
                    Math.round(warm.firstMilliseconds()),
                    Math.round(warm.lastMilliseconds()),
                    warm.stable() ? "" : ", still getting faster");
            DraftModel guesses = null;
            if (guessing != null) {
                draft = open(guessing.name(), guessing.file(), kernels, precision);
                guesses = draft(draft, checkpoint, kernels, precision, settings);
            }
            var engine = new Engine(
                    checkpoint.model(),
                    kernels,
                    checkpoint.tokenizer(),
                    precision,
                    store,
                    settings,
                    metrics,
                    guesses,
                    embedder);
            log.info(
                    "model {}: {} parameters, {} tokens of context, precision {}, kernels {}, loaded in {} ms",
                    entry.name(),
                    engine.card().parameters(),
                    engine.card().context(),
                    precision,
                    kernels.name(),
                    (loaded - began) / 1_000_000);
            return new ServedModel(
                    engine,
                    template,
                    checkpoint.tokenizer(),
                    precision,
                    entry.recommended(),
                    checkpoint.tokenizer().thinkMarkers(),
                    new Constraints(checkpoint.tokenizer(), engine.card().vocabulary()),
                    sources(checkpoint, draft));
        } catch (RuntimeException e) {
            if (draft != null) {
                draft.close();
            }
            checkpoint.close();
            throw e;
        }
    }

    private static AutoCloseable sources(Checkpoint checkpoint, Checkpoint draft) {
        return () -> {
            checkpoint.files().close();
            if (draft != null) {
                draft.files().close();
            }
        };
    }

    /** A checkpoint as the draft model of another one, with a quarter of its pages beside them. */
    static DraftModel draft(
            Checkpoint draft, Checkpoint target, Kernels kernels, Precision precision, EngineSettings settings) {
        int vocabulary = target.model().card().vocabulary();
        boolean same = draft.model().card().vocabulary() == vocabulary;
        for (int id = 0; same && id < vocabulary; id++) {
            same = java.util.Arrays.equals(
                    draft.tokenizer().bytes(id), target.tokenizer().bytes(id));
        }
        if (!same) {
            throw new WeightsException(
                    "draft model " + draft.model().card().name() + ": its tokens are others (expected: those of "
                            + target.model().card().name() + ")");
        }
        return new DraftModel(
                draft.model(),
                kernels,
                precision,
                settings.kvBytes() / 4,
                settings.maxRunning(),
                settings.stepTokens());
    }

    /** SHA-256 over every tensor's name, type, shape and bytes: the weights, whatever the file says beside them. */
    private static byte[] digest(ModelFiles files) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            files.tensors().stream()
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
