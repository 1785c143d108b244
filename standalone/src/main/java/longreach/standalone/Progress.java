package longreach.standalone;

import java.io.PrintStream;
import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * What a person sees while waiting: a moving bar on a terminal, else a line now and then. Always on standard error, so
 * that standard output stays the result. Used by one thread.
 */
final class Progress implements AutoCloseable {
    private static final Duration PLAIN_INTERVAL = Duration.ofSeconds(5);

    private final PrintStream err = System.err;
    private final String task;
    private final long max;
    private final long startedNanos = System.nanoTime();
    private final ProgressBar bar;
    private long saidNanos = startedNanos;
    private boolean said;

    /**
     * @param max what {@link #at} reaches at the end
     * @param unit shown behind the numbers; empty: a percentage only
     * @param unitSize how much of {@code max} one unit is
     */
    Progress(String task, long max, String unit, long unitSize) {
        this.task = task;
        this.max = Math.max(1, max);
        if (onTerminal()) {
            var builder = new ProgressBarBuilder()
                    .setTaskName(task)
                    .setInitialMax(this.max)
                    .setStyle(ProgressBarStyle.ASCII)
                    .setUpdateIntervalMillis(150)
                    .clearDisplayOnFinish()
                    .hideEta();
            if (!unit.isEmpty()) {
                builder.setUnit(unit, unitSize).showSpeed();
            }
            bar = builder.build();
        } else {
            bar = null;
        }
    }

    /** A task that tells its fraction, 0 to 1. */
    static Progress ofFraction(String task) {
        return new Progress(task, 1000, "", 1);
    }

    static boolean onTerminal() {
        var console = System.console();
        return console != null && console.isTerminal() && !"dumb".equals(System.getenv("TERM"));
    }

    void at(long done, String stage) {
        if (bar != null) {
            bar.stepTo(Math.min(done, max));
            bar.setExtraMessage(stage.isEmpty() ? "" : " " + stage);
            return;
        }
        long now = System.nanoTime();
        if (now - saidNanos >= PLAIN_INTERVAL.toNanos()) {
            saidNanos = now;
            said = true;
            err.println(task + ": " + 100 * Math.min(done, max) / max + " %" + (stage.isEmpty() ? "" : ", " + stage));
        }
    }

    void atFraction(double fraction, String stage) {
        at(Math.round(Math.clamp(fraction, 0, 1) * max), stage);
    }

    double seconds() {
        return (System.nanoTime() - startedNanos) / 1e9;
    }

    /** Takes the bar away and leaves one line that says how long it took. */
    void done(String outcome) {
        close();
        err.printf("%s: %s (%.1f s)%n", task, outcome, seconds());
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        } else if (said) {
            err.flush();
        }
    }
}
