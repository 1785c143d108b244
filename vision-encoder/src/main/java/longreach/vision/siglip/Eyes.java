package longreach.vision.siglip;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import longreach.tensor.kernel.KernelCheck;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.weights.JsonConfig;
import longreach.tensor.weights.ModelFiles;
import longreach.tensor.weights.Tensor;
import longreach.v1.MediaOptions.Resolution;
import longreach.vision.image.Raster;
import longreach.vision.siglip.PanAndScan.View;

/**
 * A language model's eyes: pictures to soft tokens of its width. Thread-safe; one computation at a time, callers take
 * turns. Owns the weights and ends with {@link #close}.
 *
 * <p>How much is seen follows the resolution: LOW is the whole picture with four patches where the checkpoint was trained
 * on one average of patches, a quarter of the tokens; MEDIUM, the default, the whole picture as trained; HIGH also the
 * crops of {@link PanAndScan}.
 */
public final class Eyes implements AutoCloseable {
    // Raised when the same weights and pixels begin to give other soft tokens.
    private static final int OUTPUT_VERSION = 1;

    /** Patches of one call of the tower: those of one picture of a full-size checkpoint, or several of a smaller one. */
    private static final int BATCH_PATCHES = 4096;

    private static final int HASH_BLOCK = 1 << 20;

    private final Arena arena = Arena.ofShared();
    private final ReentrantLock turn = new ReentrantLock(true);
    private final Kernels kernels;
    private final SiglipTower tower;
    private final PixelScaler scaler;
    private final String fingerprint;
    private float[] pixels = new float[0];

    /**
     * One picture that becomes one run of soft tokens: an image, a crop of one, or a frame.
     *
     * @param view the part of the picture that is seen
     * @param tokenSide soft tokens of a side
     */
    public record Glance(View view, int tokenSide) {
        /** Soft tokens of the run. */
        public int tokens() {
            return tokenSide * tokenSide;
        }
    }

    /**
     * @param path a GGUF file of a projector, or the directory of safetensors of a model that sees
     * @param kernels used by nobody else; their pool is closed with the eyes
     * @param exact f32 arithmetic throughout; otherwise products are as fast as those of prompts, and may round to bf16
     * @throws longreach.tensor.weights.WeightsException when the files are no whole tower and projector
     */
    public static Eyes load(Path path, Kernels kernels, boolean exact) {
        return new Eyes(path, kernels, exact);
    }

    private Eyes(Path path, Kernels kernels, boolean exact) {
        this.kernels = kernels;
        boolean complete = false;
        try (ModelFiles files = ModelFiles.open(path)) {
            tower = SiglipTower.load(files, kernels, exact, arena);
            scaler = new PixelScaler(tower.config());
            if (!exact) {
                // Decides whether products are of bf16.
                KernelCheck.run(kernels);
            }
            fingerprint = "siglip/" + OUTPUT_VERSION + "@" + digest(files, tower.config()) + " products="
                    + (exact ? "f32" : "fast/" + kernels.prefillType());
            complete = true;
        } finally {
            if (!complete) {
                arena.close();
            }
        }
    }

    /** Whether a directory holds a tower beside its language model. Other wrongs are told by {@link #load}. */
    public static boolean areIn(Path directory) {
        Path config = directory.resolve("config.json");
        if (!Files.isRegularFile(config)
                || JsonConfig.read(config).findObject("vision_config").isEmpty()) {
            return false;
        }
        try (ModelFiles files = ModelFiles.open(directory)) {
            return files.tensors().stream().anyMatch(tensor -> tensor.name().contains("vision_tower."));
        }
    }

    /** Of the tensors of tower and projector and the numbers that the pixels are made with. */
    private static String digest(ModelFiles files, SiglipConfig config) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            String numbers = config.heads() + " " + config.tokenSide() + " " + config.normEpsilon() + " "
                    + Arrays.toString(config.mean()) + " " + Arrays.toString(config.deviation());
            sha.update(numbers.getBytes(StandardCharsets.UTF_8));
            byte[] block = new byte[HASH_BLOCK];
            List<Tensor> tensors = files.tensors().stream()
                    .filter(tensor -> SiglipWeights.isOfEyes(tensor.name()))
                    .sorted(Comparator.comparing(Tensor::name))
                    .toList();
            for (Tensor tensor : tensors) {
                sha.update(tensor.toString().getBytes(StandardCharsets.UTF_8));
                MemorySegment data = tensor.data();
                for (long at = 0; at < data.byteSize(); at += HASH_BLOCK) {
                    int n = (int) Math.min(HASH_BLOCK, data.byteSize() - at);
                    MemorySegment.copy(data, ValueLayout.JAVA_BYTE, at, block, 0, n);
                    sha.update(block, 0, n);
                }
            }
            return HexFormat.of().formatHex(sha.digest(), 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Names everything that changes the soft tokens of the same pixels. */
    public String fingerprint() {
        return fingerprint;
    }

    /** Width of the soft tokens: that of the text model that they are for. */
    public int textWidth() {
        return tower.textWidth();
    }

    /** What is seen of an image of this size, upright: the whole first, then its crops. Needs no pixels. */
    public List<Glance> glances(int width, int height, Resolution resolution) {
        List<Glance> glances = new ArrayList<>(List.of(whole(width, height, resolution)));
        if (resolution == Resolution.HIGH) {
            for (View crop : PanAndScan.crops(width, height)) {
                glances.add(new Glance(crop, tower.config().tokenSide()));
            }
        }
        return List.copyOf(glances);
    }

    /** The whole of a picture, and nothing more: what is seen of a frame of a video. */
    public Glance whole(int width, int height, Resolution resolution) {
        int side = tower.config().tokenSide();
        boolean coarser = resolution == Resolution.LOW && side % 2 == 0;
        return new Glance(View.whole(width, height), coarser ? side / 2 : side);
    }

    /** Glances, in order, in groups that are computed together. */
    public List<List<Glance>> batches(List<Glance> glances) {
        int most = Math.max(1, BATCH_PATCHES / tower.config().patches());
        List<List<Glance>> batches = new ArrayList<>();
        for (int from = 0; from < glances.size(); ) {
            int to = from + 1;
            while (to < glances.size()
                    && to - from < most
                    && glances.get(to).tokenSide() == glances.get(from).tokenSide()) {
                to++;
            }
            batches.add(glances.subList(from, to));
            from = to;
        }
        return batches;
    }

    /**
     * Soft tokens of glances at one picture.
     *
     * @param width of the picture that the glances were made for; the raster may have been decoded smaller
     * @param glances one of {@link #batches}
     * @param checkpoint called between layers; what it throws ends the computation
     * @return of each glance, f32[tokens, textWidth]
     */
    public List<float[]> look(Raster raster, int width, int height, List<Glance> glances, Runnable checkpoint) {
        float[] soft = encode(raster, width, height, glances, checkpoint);
        int values = glances.getFirst().tokens() * textWidth();
        List<float[]> runs = new ArrayList<>();
        for (int i = 0; i < glances.size(); i++) {
            runs.add(Arrays.copyOfRange(soft, i * values, (i + 1) * values));
        }
        return runs;
    }

    private float[] encode(Raster raster, int width, int height, List<Glance> glances, Runnable checkpoint) {
        turn.lock();
        try {
            checkpoint.run();
            int values = tower.config().imageValues();
            if (pixels.length < glances.size() * values) {
                pixels = new float[glances.size() * values];
            }
            for (int i = 0; i < glances.size(); i++) {
                View view = glances.get(i).view().scaled(width, height, raster.width(), raster.height());
                scaler.scale(raster, view, pixels, i * values);
            }
            return tower.encode(pixels, glances.size(), glances.getFirst().tokenSide(), checkpoint);
        } finally {
            turn.unlock();
        }
    }

    @Override
    public void close() {
        turn.lock();
        try {
            arena.close();
            kernels.pool().close();
        } finally {
            turn.unlock();
        }
    }
}
