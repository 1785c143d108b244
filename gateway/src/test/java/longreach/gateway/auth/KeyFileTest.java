package longreach.gateway.auth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import longreach.gateway.error.ApiException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeyFileTest {
    private static final Tenant.Limits LIMITS = new Tenant.Limits(5, 0, 100);

    @TempDir
    Path folder;

    private KeyFile file;

    @BeforeEach
    void noFile() {
        file = new KeyFile(folder.resolve("keys.json"), Clock.systemUTC());
    }

    private ApiKeys keys() throws IOException {
        return new ApiKeys(List.of(), "", new Tenant.Limits(0, 7, 0), file);
    }

    @Test
    void aKeyIsShownOnceAndKeptAsItsDigest() throws IOException {
        var created = file.create("team-a", "for the build", LIMITS);
        assertThat(created.key()).matches("lr-[A-Za-z0-9_-]{43}");
        assertThat(Files.readString(file.path())).doesNotContain(created.key()).contains("team-a", "for the build");
        assertThat(file.load()).containsExactly(created.stored());
        if (Files.getFileStore(folder).supportsFileAttributeView("posix")) {
            assertThat(Files.getPosixFilePermissions(file.path())).hasSize(2);
        }
        assertThat(keys().admit(created.key())).isEqualTo(new Tenant("team-a", new Tenant.Limits(5, 7, 100)));
    }

    @Test
    void keysOfOneTenantHaveTheLimitsOfTheNewest() throws IOException {
        var old = file.create("team-a", "", LIMITS);
        file.create("team-a", "", new Tenant.Limits(9, 9, 9));
        assertThat(keys().admit(old.key()).limits()).isEqualTo(new Tenant.Limits(9, 9, 9));
        assertThat(file.create("", "", LIMITS).stored().tenant()).startsWith("team-k");
    }

    @Test
    void aRunningServerTakesChangesUpAndRevokingTheLastKeyOpensNothing() throws Exception {
        var keys = keys();
        assertThat(keys.open()).isTrue();
        assertThat(keys.admit(null).name()).isEqualTo("default");

        var created = file.create("team-a", "", LIMITS);
        while (keys.open()) {
            Thread.sleep(10);
        }
        assertThat(keys.admit(created.key()).name()).isEqualTo("team-a");
        assertThatThrownBy(() -> keys.admit("lr-other")).isInstanceOf(ApiException.class);
        assertThatThrownBy(() -> keys.admit(null)).isInstanceOf(ApiException.class);

        assertThat(file.revoke(created.stored().id())).isTrue();
        assertThat(file.revoke(created.stored().id())).isFalse();
        while (isLetIn(keys, created.key())) {
            Thread.sleep(10);
        }
        assertThat(keys.open()).isFalse();
        assertThat(file.load()).singleElement().matches(key -> !key.active());
    }

    private static boolean isLetIn(ApiKeys keys, String key) {
        try {
            keys.admit(key);
            return true;
        } catch (ApiException e) {
            return false;
        }
    }

    @Test
    void aBrokenFileLetsNobodyStart() throws IOException {
        Files.writeString(file.path(), "{\"keys\":[{\"id\":\"k1\"}]}");
        assertThatThrownBy(this::keys).isInstanceOf(IOException.class).hasMessageContaining("keys.json");
        Files.writeString(file.path(), "no json");
        assertThatThrownBy(this::keys).isInstanceOf(IOException.class);
    }

    @Test
    void namesThatCannotBeAreRefused() {
        for (var tenant : List.of("Team A", "../up", "t-0123", "x".repeat(65))) {
            assertThatThrownBy(() -> file.create(tenant, "", LIMITS))
                    .as(tenant)
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
