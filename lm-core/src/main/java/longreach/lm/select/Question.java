package longreach.lm.select;

/**
 * What is asked.
 *
 * @param ids tokens of the question's turn, without what the template adds after it
 * @param text the same as text
 */
public record Question(int[] ids, String text) {}
