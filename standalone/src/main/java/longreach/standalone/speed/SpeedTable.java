package longreach.standalone.speed;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** What was measured: for each case and side every round's tokens per second, and what follows from them. */
public final class SpeedTable {
    /** Median and range of the rounds of one side in one case, tokens per second. */
    public record Rate(double median, double least, double most, List<Double> rounds) {
        static Rate of(List<Double> rounds) {
            double[] sorted =
                    rounds.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            int middle = sorted.length / 2;
            double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
            return new Rate(median, sorted[0], sorted[sorted.length - 1], List.copyOf(rounds));
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%.1f (%.1f-%.1f)", median, least, most);
        }
    }

    private final List<Side> sides;
    private final Map<SpeedCase, Map<Side, List<Double>>> measured = new LinkedHashMap<>();

    /** @param sides this engine first */
    public SpeedTable(List<Side> sides) {
        this.sides = List.copyOf(sides);
    }

    public void add(SpeedCase what, Side side, double tokensPerSecond) {
        measured.computeIfAbsent(what, w -> new LinkedHashMap<>())
                .computeIfAbsent(side, s -> new ArrayList<>())
                .add(tokensPerSecond);
    }

    Rate rate(SpeedCase what, Side side) {
        return Rate.of(measured.get(what).get(side));
    }

    /** This engine's median over the best median among the others; empty without others. */
    OptionalDouble ratio(SpeedCase what) {
        var best = sides.stream()
                .skip(1)
                .mapToDouble(side -> rate(what, side).median)
                .max();
        return best.isEmpty()
                ? OptionalDouble.empty()
                : OptionalDouble.of(rate(what, sides.getFirst()).median / best.getAsDouble());
    }

    /** A line for each side, then a table: a row for each case, a column for each side, the ratio last. */
    public String text() {
        var out = new StringBuilder();
        for (int i = 0; i < sides.size(); i++) {
            out.append("[%d] %s: %s, peak memory %s%n"
                    .formatted(i + 1, sides.get(i).name(), sides.get(i).details(), megabytes(sides.get(i))));
        }
        var rows = new ArrayList<String[]>();
        var head = new ArrayList<>(List.of("tokens/s"));
        for (int i = 0; i < sides.size(); i++) {
            head.add("[" + (i + 1) + "] median (range)");
        }
        head.add(sides.size() > 1 ? "ratio" : "");
        rows.add(head.toArray(String[]::new));
        for (SpeedCase what : measured.keySet()) {
            var row = new ArrayList<>(List.of(what.toString()));
            sides.forEach(side -> row.add(rate(what, side).toString()));
            OptionalDouble ratio = ratio(what);
            row.add(ratio.isEmpty() ? "" : String.format(Locale.ROOT, "%.2f", ratio.getAsDouble()));
            rows.add(row.toArray(String[]::new));
        }
        int[] widths = new int[head.size()];
        rows.forEach(row -> Arrays.setAll(widths, column -> Math.max(widths[column], row[column].length())));
        for (String[] row : rows) {
            var line = new StringBuilder();
            for (int column = 0; column < row.length; column++) {
                line.append(("%-" + (widths[column] + 2) + "s").formatted(row[column]));
            }
            out.append(line.toString().stripTrailing()).append(System.lineSeparator());
        }
        return out.toString();
    }

    private static String megabytes(Side side) {
        var bytes = side.peakBytes();
        return bytes.isEmpty() ? "unknown" : String.format(Locale.ROOT, "%.0f MB", bytes.getAsLong() / 1e6);
    }

    /** Everything, every round too. */
    public ObjectNode json() {
        ObjectNode out = JsonMapper.shared().createObjectNode();
        var all = out.putArray("sides");
        for (Side side : sides) {
            var node = all.addObject().put("name", side.name()).put("details", side.details());
            side.peakBytes().ifPresent(bytes -> node.put("peakBytes", bytes));
        }
        var cases = out.putArray("cases");
        for (SpeedCase what : measured.keySet()) {
            var node = cases.addObject().put("case", what.toString());
            var rates = node.putArray("tokensPerSecond");
            for (Side side : sides) {
                Rate rate = rate(what, side);
                var one = rates.addObject()
                        .put("median", rate.median)
                        .put("least", rate.least)
                        .put("most", rate.most);
                rate.rounds.forEach(one.putArray("rounds")::add);
            }
            ratio(what).ifPresent(ratio -> node.put("ratio", ratio));
        }
        return out;
    }
}
