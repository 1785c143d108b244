package longreach.standalone.needle;

import java.util.ArrayList;
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
    private record Kind(String subject, String question, String paraphrase) {}

    private static final List<Kind> KINDS = List.of(
            new Kind(
                    "The access code of the laboratory freezer",
                    "What is the access code of the laboratory freezer",
                    "Which digits open the cold cabinet where the scientists keep their samples"),
            new Kind(
                    "The parking permit of the delivery van",
                    "What is the parking permit of the delivery van",
                    "Under which licence may the courier's truck be left at the kerb"),
            new Kind(
                    "The serial number of the old violin",
                    "What is the serial number of the old violin",
                    "How is the antique string instrument identified by its maker"),
            new Kind(
                    "The telephone extension of the night nurse",
                    "What is the telephone extension of the night nurse",
                    "What has to be dialled to reach the hospital attendant after dark"),
            new Kind(
                    "The booking reference of the ferry cabin",
                    "What is the booking reference of the ferry cabin",
                    "Which reservation was made for the room on the ship"),
            new Kind(
                    "The combination of the jeweller's safe",
                    "What is the combination of the jeweller's safe",
                    "How can the strongbox in the shop of rings and necklaces be unlocked"),
            new Kind(
                    "The membership card of the chess club treasurer",
                    "What is the membership card of the chess club treasurer",
                    "How is the person who keeps the board game society's money registered"),
            new Kind(
                    "The invoice number for the garden furniture",
                    "What is the invoice number for the garden furniture",
                    "Under which bill were the outdoor chairs and tables charged"),
            new Kind(
                    "The password of the weather station",
                    "What is the password of the weather station",
                    "What must be typed to log in where rainfall and temperature are recorded"),
            new Kind(
                    "The flight recorder identifier of the helicopter",
                    "What is the flight recorder identifier of the helicopter",
                    "What is written on the black box of the aircraft with rotors"),
            new Kind(
                    "The locker number of the swimming coach",
                    "What is the locker number of the swimming coach",
                    "Where does the trainer at the pool put away clothes"),
            new Kind(
                    "The library ticket of the chemistry professor",
                    "What is the library ticket of the chemistry professor",
                    "With which card does the lecturer on molecules borrow books"),
            new Kind(
                    "The batch number of the recalled vaccine",
                    "What is the batch number of the recalled vaccine",
                    "Which lot of the immunisation was taken back"),
            new Kind(
                    "The account number of the bicycle workshop",
                    "What is the account number of the bicycle workshop",
                    "Into which bank deposit do customers of the cycle repair shop pay"),
            new Kind(
                    "The catalogue number of the stolen painting",
                    "What is the catalogue number of the stolen painting",
                    "How is the work of art that thieves took listed by the museum"),
            new Kind(
                    "The engine number of the fire truck",
                    "What is the engine number of the fire truck",
                    "What is stamped on the motor of the vehicle that puts out blazes"),
            new Kind(
                    "The ticket number of the opera seat",
                    "What is the ticket number of the opera seat",
                    "What was printed on the admission to the evening of singing"),
            new Kind(
                    "The tracking number of the lost parcel",
                    "What is the tracking number of the lost parcel",
                    "How can the package that never arrived be traced"),
            new Kind(
                    "The passport number of the film director",
                    "What is the passport number of the film director",
                    "Which travel document does the maker of movies carry"),
            new Kind(
                    "The radio frequency of the mountain rescue team",
                    "What is the radio frequency of the mountain rescue team",
                    "On which channel do those who save climbers talk"));

    private static final List<String> CITIES = List.of(
            "", "Oslo", "Lisbon", "Prague", "Dublin", "Toronto", "Nairobi", "Osaka", "Lima", "Perth", "Quito", "Riga");

    /** The most that differ. */
    static final int MOST = KINDS.size() * CITIES.size();

    /** Different ones, each with a key of seven digits. */
    static List<Needle> some(int count, Random random) {
        List<Needle> needles = new ArrayList<>();
        int first = random.nextInt(KINDS.size());
        for (int i = 0; i < count; i++) {
            Kind kind = KINDS.get((first + i) % KINDS.size());
            String city = CITIES.get(i / KINDS.size());
            String where = city.isEmpty() ? "" : " in " + city;
            String key = String.valueOf(1_000_000 + random.nextInt(9_000_000));
            needles.add(new Needle(
                    kind.subject + where + " is " + key + ".",
                    kind.question + where + "?",
                    kind.paraphrase + where + "?",
                    kind.subject + where + " is",
                    key));
        }
        return needles;
    }
}
