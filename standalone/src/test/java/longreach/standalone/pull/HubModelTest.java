package longreach.standalone.pull;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import longreach.standalone.pull.Model.Hub;
import longreach.tensor.weights.ModelCache;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models whose files the hub lists: shards, small files, gates, pins, disk space; against a hub on loopback. */
class HubModelTest {
    private static final String INDEX = "{\"weight_map\":{}}";
    private static final byte[] SHARD = new byte[60_000];

    static {
        new Random(9).nextBytes(SHARD);
    }

    @TempDir
    Path root;

    private FakeHub hub;
    private ModelCache cache;
    private long freeBytes = Long.MAX_VALUE;

    @BeforeEach
    void start() throws IOException {
        cache = new ModelCache(root);
        hub = new FakeHub("google/small-it");
        hub.files.put("config.json", "{\"model_type\":\"gemma3_text\"}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("model-00001-of-00002.safetensors", SHARD);
        hub.files.put("model-00002-of-00002.safetensors", Arrays.copyOf(SHARD, 40_000));
        hub.files.put("model.safetensors.index.json", INDEX.getBytes(StandardCharsets.UTF_8));
        hub.files.put("tokenizer.json", "{}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("README.md", new byte[20_000]);
        hub.files.put("../../escape.safetensors", new byte[3]);
        hub.files.put("onnx/model.safetensors", new byte[3]);
        hub.files.put("original.pth", new byte[30_000]);
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    private static Model model() {
        return new Model(
                "small-it", "gemma3", 32_768, "", "Gemma", List.of(), 7, List.of(new Hub("google/small-it", "main")));
    }

    private WeightsDownload download(String token) {
        return new WeightsDownload(
                cache,
                null,
                (stage, done, total) -> assertThat(done).isBetween(0L, total == 0 ? Long.MAX_VALUE : total),
                new HubDownload.Settings(hub.address(), token, Duration.ofSeconds(30), Duration.ofMillis(5)),
                directory -> freeBytes);
    }

    private boolean pull(String token) throws PullException, InterruptedException {
        var download = download(token);
        return download.pull(download.resolve(model(), null));
    }

    private Path file(String name) {
        return cache.file("small-it", name);
    }

    @Test
    void takesWhatTheEngineReadsAndNothingElse() throws Exception {
        assertThat(WeightsDownload.isPresent(cache, model())).isFalse();
        assertThat(pull(null)).isTrue();
        try (var files = Files.list(cache.directory("small-it"))) {
            assertThat(files.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "config.json",
                            "manifest.json",
                            "model-00001-of-00002.safetensors",
                            "model-00002-of-00002.safetensors",
                            "model.safetensors.index.json",
                            "tokenizer.json");
        }
        assertThat(file("model-00001-of-00002.safetensors")).hasBinaryContent(SHARD);
        assertThat(file("model.safetensors.index.json")).hasContent(INDEX);
        assertThat(WeightsDownload.isPresent(cache, model())).isTrue();
        // Asked for by commit, so that a branch that moves mixes nothing.
        assertThat(hub.seen.stream().map(FakeHub.Seen::path).filter(path -> path.contains("/resolve/")))
                .isNotEmpty()
                .allMatch(path -> path.startsWith("/google/small-it/resolve/" + FakeHub.COMMIT + "/"));
    }

    @Test
    void whatIsHereIsVerifiedWithoutTheHub() throws Exception {
        pull(null);
        hub.close();
        assertThat(pull(null)).isFalse();
        byte[] damaged = SHARD.clone();
        damaged[77] ^= 1;
        Files.write(file("model-00001-of-00002.safetensors"), damaged);
        assertThatThrownBy(() -> pull(null)).hasMessageContaining("cannot be reached");
        assertThat(file("model-00001-of-00002.safetensors")).doesNotExist();
    }

    @Test
    void aBranchThatMovesOnChangesNothingUntilItIsAskedFor() throws Exception {
        pull(null);
        hub.mainCommit = "f".repeat(40);
        hub.files.put("tokenizer.json", "{\"new\":1}".getBytes(StandardCharsets.UTF_8));
        assertThat(pull(null)).isFalse();
        assertThat(file("tokenizer.json")).hasContent("{}");
        var download = download(null);
        assertThat(download.pull(download.resolve(model(), "main"))).isTrue();
        assertThat(file("tokenizer.json")).hasContent("{\"new\":1}");
        assertThat(file("manifest.json")).content().contains("f".repeat(40));
        assertThatThrownBy(() -> download.resolve(model(), "v9"))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("there is no google/small-it at v9");
    }

    @Test
    void everyFileGoesOnWhereItStopped() throws Exception {
        Path partial = Files.createDirectories(root.resolve("partial/small-it"));
        Files.write(partial.resolve("model-00001-of-00002.safetensors.hub"), Arrays.copyOf(SHARD, 20_000));
        Files.write(partial.resolve("model-00002-of-00002.safetensors.hub"), Arrays.copyOf(SHARD, 40_000));
        assertThat(WeightsDownload.partialBytes(cache, model())).isEqualTo(60_000);
        hub.breakOffs.set(2);
        assertThat(pull(null)).isTrue();
        assertThat(file("model-00001-of-00002.safetensors")).hasBinaryContent(SHARD);
        assertThat(file("model-00002-of-00002.safetensors")).hasBinaryContent(Arrays.copyOf(SHARD, 40_000));
        // At the storage host: from where the file was left, and from where each transfer broke off.
        assertThat(hub.seen)
                .filteredOn(seen -> seen.path().equals("/model-00001-of-00002.safetensors"))
                .extracting(FakeHub.Seen::range)
                .containsExactly("bytes=20000-", "bytes=40000-", "bytes=50000-");
        assertThat(hub.seen).noneMatch(seen -> seen.path().equals("/model-00002-of-00002.safetensors"));
    }

    @Test
    void aPartLongerThanTheFileStartsOver() throws Exception {
        Path partial = Files.createDirectories(root.resolve("partial/small-it"));
        Files.write(partial.resolve("model-00002-of-00002.safetensors.hub"), new byte[50_000]);
        assertThat(pull(null)).isTrue();
        assertThat(file("model-00002-of-00002.safetensors")).hasBinaryContent(Arrays.copyOf(SHARD, 40_000));
    }

    @Test
    void gatedModelsSayWhereTheirLicenceIsAndNeverTheToken() throws Exception {
        hub.token = "hf_right";
        String page = hub.address() + "/google/small-it";
        assertThatThrownBy(() -> pull(null))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("HTTP 401: not for everyone: accept its licence at " + page)
                .hasMessageContaining("HF_TOKEN or --token-file");
        assertThatThrownBy(() -> pull("hf_wrong"))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("HTTP 403: the token may not read google/small-it: accept its licence at " + page)
                .hasMessageNotContaining("hf_wrong");
        assertThat(pull("hf_right")).isTrue();
        // The storage host is another, and gets no token.
        assertThat(hub.seen)
                .filteredOn(seen -> seen.path().startsWith("/model"))
                .isNotEmpty()
                .extracting(FakeHub.Seen::authorization)
                .containsOnlyNulls();
        assertThat(file("manifest.json")).content().doesNotContain("hf_right");
    }

    @Test
    void anUnknownRepositorySaysSo() {
        var elsewhere = new Model("m", "", 0, "", "", List.of(), 1, List.of(new Hub("google/none", "main")));
        assertThatThrownBy(() -> download(null).resolve(elsewhere, null))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("there is no google/none, or it is not shown to everyone");
    }

    @Test
    void aFullDiskIsKnownBeforeTheFirstByte() {
        freeBytes = 1_000_000;
        assertThatThrownBy(() -> pull(null))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("0.0 GB free at " + root)
                .hasMessageContaining("expected: 0.1 GB");
        assertThat(hub.seen).noneMatch(seen -> seen.path().contains("/resolve/"));
    }

    @Test
    void wrongDigestsAreNotInstalled() throws Exception {
        hub.lies.put("tokenizer.json", "a".repeat(40));
        assertThatThrownBy(() -> pull(null))
                .hasMessageContaining("tokenizer.json: 2 bytes, git's SHA-1 ")
                .hasMessageContaining("a".repeat(40));
        assertThat(file("tokenizer.json")).doesNotExist();
        assertThat(file("manifest.json")).doesNotExist();
        hub.lies.clear();
        Files.delete(file("model-00001-of-00002.safetensors"));
        // The list says one thing; what the file itself is said to be when it is fetched, another.
        var download = download(null);
        Model listed = download.resolve(model(), null);
        hub.files.put("model-00001-of-00002.safetensors", new byte[60_000]);
        assertThatThrownBy(() -> download.pull(listed))
                .hasMessageContaining("model-00001-of-00002.safetensors: the hub has another, SHA-256");
        hub.lies.put("model-00001-of-00002.safetensors", FakeHub.hex("SHA-256", SHARD));
        assertThatThrownBy(() -> download.pull(listed))
                .hasMessageContaining("model-00001-of-00002.safetensors: 60000 bytes, SHA-256");
    }

    @Test
    void aRepositoryOfGgufFilesGivesItsSmallest() throws Exception {
        hub.files.clear();
        hub.files.put("m-f16.gguf", SHARD);
        hub.files.put("m-q4.gguf", Arrays.copyOf(SHARD, 30_000));
        assertThat(pull(null)).isTrue();
        assertThat(file("m-q4.gguf")).hasSize(30_000);
        assertThat(file("m-f16.gguf")).doesNotExist();
    }

    @Test
    void hostileListingsAreRefused() {
        refused("[]", "sha ''");
        refused("{\"sha\":\"main\"}", "sha 'main' (expected: a commit)");
        refused("not json", "not JSON");
        String head = "{\"sha\":\"" + FakeHub.COMMIT + "\",\"siblings\":[";
        String digest = "\"blobId\":\"" + "0".repeat(40) + "\"";
        refused(head + "]}", "no config.json with safetensors and no GGUF file");
        refused(head + "{\"rfilename\":\"config.json\",\"size\":1," + digest + "}]}", "no config.json with");
        refused(head + "{\"rfilename\":\"config.json\",\"size\":-1," + digest + "}]}", "config.json: size -1");
        refused(
                head + "{\"rfilename\":\"a.gguf\",\"size\":99999999999999," + digest + "}]}",
                "a.gguf: size 99999999999999");
        refused(head + "{\"rfilename\":\"a.gguf\",\"size\":1e99," + digest + "}]}", "a.gguf: size");
        refused(head + "{\"rfilename\":\"a.gguf\",\"size\":\"1\"," + digest + "}]}", "a.gguf: size \"1\"");
        refused(head + "{\"rfilename\":\"a.gguf\",\"size\":1,\"blobId\":\"../x\"}]}", "digest '../x'");
        refused(head + "{\"rfilename\":\"a.gguf\",\"size\":1}]}", "digest ''");
    }

    private static void refused(String listing, String message) {
        assertThatThrownBy(() -> HubListing.of("r", listing.getBytes(StandardCharsets.UTF_8)))
                .isInstanceOf(PullException.class)
                .hasMessageContaining(message);
    }

    @Test
    void aTokenFileHoldsOneWord() throws Exception {
        Path file = Files.writeString(root.resolve("token"), "  hf_x\n");
        var environment = Map.of("HF_TOKEN", "other");
        assertThat(HubDownload.Settings.of(environment, file).token()).isEqualTo("hf_x");
        assertThat(HubDownload.Settings.of(environment, null).token()).isEqualTo("other");
        Files.writeString(file, "two words");
        assertThatThrownBy(() -> HubDownload.Settings.of(environment, file))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("no token in it")
                .hasMessageNotContaining("two words");
        assertThatThrownBy(() -> HubDownload.Settings.of(environment, root.resolve("none")))
                .hasMessageContaining("cannot be read");
    }

    @Test
    void theCatalogueIsConsistent() {
        var names = new HashSet<String>();
        for (Model model : ModelCatalog.MODELS) {
            assertThat(names.add(model.name())).as(model.name()).isTrue();
            assertThat(ModelCache.isName(model.name())).as(model.name()).isTrue();
            assertThat(model.sources()).as(model.name()).isNotEmpty();
            assertThat(model.bytes()).as(model.name()).isPositive();
            assertThat(model.family()).as(model.name()).isNotBlank();
            if (model.isListedByHub()) {
                assertThat(model.sources()).as(model.name()).singleElement().isInstanceOf(Hub.class);
                assertThat(model.context()).as(model.name()).isPositive();
            }
        }
    }
}
