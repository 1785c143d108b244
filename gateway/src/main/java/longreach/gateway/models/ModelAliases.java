package longreach.gateway.models;

import java.util.List;

/**
 * Other names for the models that are served, for programs whose model names are fixed. A real name always goes before
 * an alias; of several aliases that fit, the first counts.
 */
public record ModelAliases(List<Alias> aliases) {
    public static final ModelAliases NONE = new ModelAliases(List.of());
    private static final String SERVED_NAME = "[A-Za-z0-9._-]+";
    private static final String ALIAS_NAME = SERVED_NAME + "\\*?|\\*";

    /** @param name a name, or with {@code *} at its end all names that begin so */
    record Alias(String name, String model) {
        boolean fits(String asked) {
            return name.endsWith("*") ? asked.startsWith(name.substring(0, name.length() - 1)) : asked.equals(name);
        }
    }

    /**
     * @param settings each {@code ALIAS=MODEL}
     * @throws IllegalArgumentException when one is not
     */
    public static ModelAliases of(List<String> settings) {
        return new ModelAliases(settings.stream()
                .map(String::strip)
                .filter(setting -> !setting.isEmpty())
                .map(ModelAliases::alias)
                .toList());
    }

    private static Alias alias(String setting) {
        var sides = setting.split("=", -1);
        if (sides.length != 2 || !sides[0].matches(ALIAS_NAME) || !sides[1].matches(SERVED_NAME)) {
            throw new IllegalArgumentException("gateway.model-alias: " + setting
                    + " (expected: ALIAS=MODEL, such as gemini-2.5-flash=smollm2-135m; * at an alias's end fits all"
                    + " that begin so)");
        }
        return new Alias(sides[0], sides[1]);
    }

    /** @return the served name that this one stands for, or the name itself */
    String resolve(String name) {
        return aliases.stream()
                .filter(alias -> alias.fits(name))
                .findFirst()
                .map(Alias::model)
                .orElse(name);
    }
}
