package longreach.standalone.pull;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import longreach.standalone.pull.Model.WeightFile;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the hub says of a repository at one revision: the commit, and the size and digest of each file. The answer is
 * that of {@code /api/models/REPOSITORY/revision/REVISION?blobs=true}.
 *
 * @param commit 40 hexadecimal digits, which the revision meant when it was asked
 * @param files those that the engine reads, and no others
 */
record HubListing(String commit, List<WeightFile> files) {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
    // Names become paths: only these, and none with a folder in it, are ever taken.
    private static final Pattern READ_BY_ENGINE = Pattern.compile("config\\.json|generation_config\\.json"
            + "|tokenizer\\.json|tokenizer_config\\.json|special_tokens_map\\.json|added_tokens\\.json"
            + "|chat_template\\.(json|jinja)|preprocessor_config\\.json|processor_config\\.json"
            + "|model\\.safetensors|model\\.safetensors\\.index\\.json|model-[0-9]{5}-of-[0-9]{5}\\.safetensors");
    private static final Pattern GGUF = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,120}\\.gguf");
    private static final int MAX_FILES = 1100;
    private static final long MAX_FILE_BYTES = 1L << 40;

    static HubListing of(String repository, byte[] answer) throws PullException {
        JsonNode root;
        try {
            root = JSON.readTree(answer);
        } catch (JacksonException e) {
            throw new PullException("the list of " + repository + ": not JSON (expected: the hub's model info)", e);
        }
        String commit = root.path("sha").asString("");
        if (!COMMIT.matcher(commit).matches()) {
            throw new PullException("the list of " + repository + ": sha '" + commit + "' (expected: a commit)");
        }
        var model = new ArrayList<WeightFile>();
        var ggufs = new ArrayList<WeightFile>();
        for (JsonNode sibling : root.path("siblings")) {
            String name = sibling.path("rfilename").asString("");
            if (READ_BY_ENGINE.matcher(name).matches()) {
                model.add(file(repository, name, sibling));
            } else if (GGUF.matcher(name).matches()) {
                ggufs.add(file(repository, name, sibling));
            }
        }
        boolean whole = model.stream().anyMatch(file -> file.name().equals("config.json"))
                && model.stream().anyMatch(file -> file.name().endsWith(".safetensors"));
        if (!whole && ggufs.isEmpty()) {
            throw new PullException(
                    "the list of " + repository + ": no config.json with safetensors and no GGUF file (expected: one)");
        }
        if (model.size() > MAX_FILES) {
            throw new PullException(
                    "the list of " + repository + ": " + model.size() + " files (expected: at most " + MAX_FILES + ")");
        }
        // A repository of GGUF files has one in each quantisation; the smallest is the one that fits most machines.
        return new HubListing(
                commit,
                whole
                        ? List.copyOf(model)
                        : List.of(ggufs.stream()
                                .min(java.util.Comparator.comparingLong(WeightFile::bytes))
                                .orElseThrow()));
    }

    private static WeightFile file(String repository, String name, JsonNode sibling) throws PullException {
        JsonNode lfs = sibling.path("lfs");
        JsonNode size = lfs.has("size") ? lfs.path("size") : sibling.path("size");
        String digest = lfs.has("sha256")
                ? lfs.path("sha256").asString("")
                : sibling.path("blobId").asString("");
        if (!size.canConvertToLong() || size.longValue() < 0 || size.longValue() > MAX_FILE_BYTES) {
            throw new PullException("the list of " + repository + ": " + name + ": size " + size + " (expected: 0 to "
                    + MAX_FILE_BYTES + ")");
        }
        try {
            return new WeightFile(name, size.longValue(), digest);
        } catch (IllegalArgumentException e) {
            throw new PullException("the list of " + repository + ": " + e.getMessage(), e);
        }
    }
}
