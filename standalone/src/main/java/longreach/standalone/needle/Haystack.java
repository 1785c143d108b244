package longreach.standalone.needle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;

/** Prose, a sentence or verse a line, and how many tokens each line has. */
final class Haystack {
    private final List<String> lines;
    private final int[] tokens;

    private Haystack(List<String> lines, int[] tokens) {
        this.lines = lines;
        this.tokens = tokens;
    }

    /** @param tokensOf a line that ends with a line feed */
    static Haystack read(Path file, ToIntFunction<String> tokensOf) throws IOException {
        List<String> lines = Files.readAllLines(file).stream()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .toList();
        int[] tokens = lines.stream()
                .mapToInt(line -> tokensOf.applyAsInt(line + "\n"))
                .toArray();
        return new Haystack(lines, tokens);
    }

    int totalTokens() {
        int total = 0;
        for (int each : tokens) {
            total += each;
        }
        return total;
    }

    /**
     * About so many tokens of it with needles at equal distances, from the middle of the first part to that of the last.
     *
     * @param offset token at which it begins; it goes on from the beginning at the end
     * @param needleTokens all needles' together
     */
    List<String> with(int length, int offset, List<Needle> needles, int needleTokens) {
        int line = 0;
        for (int skipped = 0; skipped < offset; line = (line + 1) % lines.size()) {
            skipped += tokens[line];
        }
        int prose = length - needleTokens;
        List<String> out = new ArrayList<>();
        int planted = 0;
        int taken = 0;
        while (taken + tokens[line] <= prose) {
            while (planted < needles.size() && taken >= (planted + 0.5) / needles.size() * prose) {
                out.add(needles.get(planted++).fact());
            }
            out.add(lines.get(line));
            taken += tokens[line];
            line = (line + 1) % lines.size();
        }
        while (planted < needles.size()) {
            out.add(needles.get(planted++).fact());
        }
        return out;
    }
}
