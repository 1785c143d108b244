package longreach.tensor.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelDirectoryTest {
    @TempDir
    Path directory;

    @BeforeEach
    void config() throws IOException {
        write("config.json", "{\"layers\": 3, \"theta\": 1e6, \"none\": null, \"ids\": [1, 106], \"name\": \"x\"}");
    }

    private void write(String name, String text) throws IOException {
        Files.writeString(directory.resolve(name), text);
    }

    private void shard(String name, String... tensors) throws IOException {
        var header = new StringBuilder("{");
        for (int i = 0; i < tensors.length; i++) {
            header.append(i == 0 ? "" : ",")
                    .append("\"%s\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [%d, %d]}"
                            .formatted(tensors[i], 4 * i, 4 * i + 4));
        }
        Files.write(directory.resolve(name), SafetensorsFileTest.bytes(header + "}", new byte[4 * tensors.length]));
    }

    private void refused(String message) {
        assertThatThrownBy(() -> ModelFiles.open(directory))
                .isInstanceOf(WeightsException.class)
                .hasMessageStartingWith(directory.toString())
                .hasMessageContaining(message);
    }

    @Test
    void oneFile() throws IOException {
        shard("model.safetensors", "a", "b");
        try (var files = ModelFiles.open(directory)) {
            assertThat(files.tensors()).extracting(Tensor::name).containsExactly("a", "b");
            assertThat(files.tensor("b", 1).type()).isEqualTo(TensorType.F32);
            assertThatThrownBy(() -> files.tensor("c")).hasMessageContaining("c: missing (expected: a tensor)");
            assertThatThrownBy(() -> files.tensor("b", 2)).hasMessageContaining("b: shape [1] (expected: [2])");
        }
    }

    @Test
    void shardsInTheOrderOfTheIndex() throws IOException {
        shard("model-1-of-2.safetensors", "a", "b", "extra");
        shard("model-2-of-2.safetensors", "c");
        write("model.safetensors.index.json", """
                {"metadata": {"total_size": 12}, "weight_map": {"c": "model-2-of-2.safetensors",
                 "a": "model-1-of-2.safetensors", "b": "model-1-of-2.safetensors"}}""");
        try (var files = ModelFiles.open(directory)) {
            assertThat(files.tensors()).extracting(Tensor::name).containsExactlyInAnyOrder("a", "b", "c");
            assertThat(files.find("c")).isPresent();
            assertThat(files.find("extra")).isEmpty();
        }
    }

    @Test
    void refusesWhatTheIndexDoesNotKeep() throws IOException {
        refused("model.safetensors: missing (expected: it, or model.safetensors.index.json)");
        write("model.safetensors.index.json", "{}");
        refused("weight_map: missing");
        write("model.safetensors.index.json", "{\"weight_map\": {\"a\": 1}}");
        refused("weight_map.a: 1 (expected: a string)");
        for (String climbing : new String[] {"../a.safetensors", "/etc/a.safetensors", "a.bin", ".a.safetensors"}) {
            write("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"" + climbing + "\"}}");
            refused("a: in '" + climbing + "' (expected: a .safetensors file beside the index)");
        }
        write("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"one.safetensors\"}}");
        refused("one.safetensors: cannot be read");
        shard("one.safetensors", "b");
        refused("one.safetensors: a: missing (expected: here, as the index says)");
    }

    @Test
    void refusesWrongConfigs() throws IOException {
        shard("model.safetensors", "a");
        Files.delete(directory.resolve("config.json"));
        refused("config.json: missing");
        write("config.json", "{");
        refused("config.json: not JSON");
        write("config.json", "[]");
        refused("config.json: not a JSON object");
    }

    @Test
    void configGettersSayWhatIsWrong() {
        JsonConfig config = JsonConfig.read(directory.resolve("config.json"));
        assertThat(config.integer("layers")).isEqualTo(3);
        assertThat(config.number("theta")).isEqualTo(1e6);
        assertThat(config.number("layers")).isEqualTo(3);
        assertThat(config.integer("none", 4)).isEqualTo(4);
        assertThat(config.integers("ids")).containsExactly(1, 106);
        assertThat(config.integers("layers")).containsExactly(3);
        assertThat(config.findString("no")).isEmpty();
        assertThatThrownBy(() -> config.integer("none"))
                .isInstanceOf(WeightsException.class)
                .hasMessageEndingWith("config.json: none: missing (expected: an integer)");
        assertThatThrownBy(() -> config.integer("theta")).hasMessageContaining("theta: 1000000.0 (expected: a 32-bit");
        assertThatThrownBy(() -> config.string("layers")).hasMessageContaining("layers: 3 (expected: a string)");
        assertThatThrownBy(() -> config.object("name")).hasMessageContaining("name: \"x\" (expected: an object)");
        assertThatThrownBy(() -> config.flag("name", true)).hasMessageContaining("true or false");
        assertThatThrownBy(() -> config.strings("ids")).hasMessageContaining("expected: strings");
    }
}
