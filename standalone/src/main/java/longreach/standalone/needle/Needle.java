package longreach.standalone.needle;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * A fact with a random key, and what is asked for it.
 *
 * @param fact a sentence
 * @param question in the fact's words
 * @param paraphrase the same in others
 * @param opening with which the answer begins; the key follows
 */
record Needle(String fact, String question, String paraphrase, String opening, String key) {
    private record Kind(String subject, String paraphrase) {}

    private static final List<Kind> KINDS = kinds();

    private static final List<String> CITIES = List.of(
            "", "Oslo", "Lisbon", "Prague", "Dublin", "Toronto", "Nairobi", "Osaka", "Lima", "Perth", "Quito", "Riga");

    /** The most that differ. */
    static final int MOST = KINDS.size() * CITIES.size();

    /** Different ones, each with a key of seven digits; of different subjects while there are any. */
    static List<Needle> some(int count, Random random) {
        List<Kind> kinds = new ArrayList<>(KINDS);
        Collections.shuffle(kinds, random);
        List<Needle> needles = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Kind kind = kinds.get(i % kinds.size());
            String city = CITIES.get(i / kinds.size());
            String where = city.isEmpty() ? "" : " in " + city;
            String key = String.valueOf(1_000_000 + random.nextInt(9_000_000));
            String subject = kind.subject + where;
            needles.add(new Needle(
                    subject + " is " + key + ".",
                    "What is " + Character.toLowerCase(subject.charAt(0)) + subject.substring(1) + "?",
                    kind.paraphrase + where + "?",
                    subject + " is",
                    key));
        }
        return needles;
    }

    private static List<Kind> kinds() {
        try (InputStream in = Needle.class.getResourceAsStream("kinds.tsv")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .map(line -> line.split("\t"))
                    .map(columns -> new Kind(columns[0], columns[1]))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
