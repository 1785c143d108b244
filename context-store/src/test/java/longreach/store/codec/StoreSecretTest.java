package longreach.store.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import longreach.store.api.Tenant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreSecretTest {
    @TempDir
    Path directory;

    @Test
    void processesThatStartTogetherAgree() throws Exception {
        Path file = directory.resolve("made/store.secret");
        Callable<Tenant> start = () -> StoreSecret.loadOrCreate(file).tenant("a");
        Set<Tenant> tenants = new HashSet<>();
        try (var threads = Executors.newFixedThreadPool(8)) {
            for (var tenant :
                    threads.invokeAll(Stream.generate(() -> start).limit(32).toList())) {
                tenants.add(tenant.get());
            }
        }
        assertThat(tenants).hasSize(1);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        try (Stream<Path> files = Files.list(file.getParent())) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void tenantsDifferInSaltAndNamespace() {
        StoreSecret secret = StoreSecret.of(new byte[32]);
        Tenant a = secret.tenant("a");
        assertThat(secret.tenant("a")).isEqualTo(a);
        assertThat(secret.tenant("b").salt()).isNotEqualTo(a.salt());
        assertThat(secret.tenant("b").namespace()).isNotEqualTo(a.namespace());
        assertThat(StoreSecret.random().tenant("a").salt()).isNotEqualTo(a.salt());
    }

    @Test
    void refusesWhatIsNoSecret() throws IOException {
        Path file = Files.writeString(directory.resolve("secret"), "password");
        assertThatThrownBy(() -> StoreSecret.loadOrCreate(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("expected: 64 hexadecimal digits")
                .hasMessageNotContaining("password");
        assertThatThrownBy(() -> StoreSecret.of(new byte[31])).hasMessageContaining("at least 32");
    }
}
