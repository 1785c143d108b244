package longreach.standalone.speed;

import java.nio.file.Path;
import java.util.OptionalLong;
import longreach.lm.engine.EngineBench;
import longreach.lm.model.Precision;
import longreach.standalone.speed.SpeedCase.Decode;
import longreach.standalone.speed.SpeedCase.Prefill;
import longreach.tensor.kernel.KernelSelector;
import longreach.tensor.kernel.Kernels;
import longreach.tensor.kernel.MachineLimits;

/** This engine, in this process: no service and no store around it. */
public final class OwnSide implements Side {
    private static final int LIMITS_MILLIS = 1000;

    private final Kernels kernels;
    private final EngineBench bench;
    private final Precision precision;
    private final int spareTokens;
    private EngineBench.Timed sequence;
    private int depth = -1;
    private OptionalLong peak = OptionalLong.empty();

    /** @param spareTokens most tokens that are decoded at one depth, all rounds together */
    public OwnSide(Path model, int threads, Precision precision, int spareTokens) {
        this.precision = precision;
        this.spareTokens = spareTokens;
        kernels = KernelSelector.select(threads);
        bench = new EngineBench(model, kernels, precision);
        bench.warmUp();
    }

    /** Tokens that the model may have in its context. */
    public int context() {
        return bench.card().context();
    }

    public String family() {
        return bench.card().family();
    }

    public long parameters() {
        return bench.card().parameters();
    }

    @Override
    public String name() {
        return "longreach";
    }

    @Override
    public String details() {
        return precision.toString().toLowerCase(java.util.Locale.ROOT) + ", " + kernels.name();
    }

    @Override
    public double measure(SpeedCase what, int decodeTokens) {
        switch (what) {
            case Prefill prompt -> {
                begin(-1, prompt.tokens(), 0);
                return prompt.tokens() / sequence.prefill();
            }
            case Decode at -> {
                if (depth != at.depth()) {
                    begin(at.depth(), Math.max(1, at.depth()), spareTokens);
                    sequence.prefill();
                }
                return decodeTokens / sequence.decode(decodeTokens);
            }
        }
    }

    private void begin(int newDepth, int prompt, int decode) {
        if (sequence != null) {
            sequence.close();
        }
        sequence = null;
        sequence = bench.timed(prompt, decode);
        depth = newDepth;
    }

    /** What the machine can do at most on as many threads; measured after the cases, since it takes memory itself. */
    public MachineLimits limits() {
        peak = peakBytes();
        return MachineLimits.measure(kernels.pool(), LIMITS_MILLIS);
    }

    @Override
    public OptionalLong peakBytes() {
        return peak.isPresent() ? peak : PeakMemory.of(ProcessHandle.current().pid());
    }

    @Override
    public void close() {
        if (sequence != null) {
            sequence.close();
        }
        bench.close();
        kernels.pool().close();
    }
}
