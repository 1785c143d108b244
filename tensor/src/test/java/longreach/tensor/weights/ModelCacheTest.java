package longreach.tensor.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelCacheTest {
    private static final Path HOME = Path.of("/home/ada");

    @Test
    void rootFollowsTheEnvironment() {
        assertThat(ModelCache.of(Map.of(), HOME).root()).isEqualTo(Path.of("/home/ada/.cache/longreach"));
        assertThat(ModelCache.of(Map.of("XDG_CACHE_HOME", "/var/x"), HOME).root())
                .isEqualTo(Path.of("/var/x/longreach"));
        assertThat(ModelCache.of(Map.of("XDG_CACHE_HOME", "x"), HOME).root())
                .isEqualTo(Path.of("/home/ada/.cache/longreach"));
        assertThat(ModelCache.of(Map.of("XDG_CACHE_HOME", "/var/x", "LONGREACH_CACHE", "/data/c"), HOME)
                        .root())
                .isEqualTo(Path.of("/data/c"));
    }

    @Test
    void namesStayInsideTheFolder() {
        var cache = new ModelCache(HOME);
        assertThat(cache.file("m-1.x", "model.bin")).isEqualTo(Path.of("/home/ada/models/m-1.x/model.bin"));
        for (String name : new String[] {"", "..", ".", "../x", "a/b", "/etc", "a\\b", ".hidden", "a\0"}) {
            assertThatThrownBy(() -> cache.directory(name)).isInstanceOf(WeightsException.class);
            assertThatThrownBy(() -> cache.file("m", name)).isInstanceOf(WeightsException.class);
        }
    }

    @Test
    void missingFileSaysHowToGetIt(@TempDir Path root) throws IOException {
        var cache = new ModelCache(root);
        assertThat(cache.find("m", "f")).isEmpty();
        assertThatThrownBy(() -> cache.require("m", "f")).hasMessageContaining("./longreach pull m");
        Files.createDirectories(cache.directory("m"));
        Files.writeString(cache.file("m", "f"), "x");
        assertThat(cache.require("m", "f")).isRegularFile();
    }
}
