package longreach.lm.select;

import java.util.function.IntUnaryOperator;

/**
 * The part of a context that is chosen from, in pieces of {@link #PIECE} tokens.
 *
 * @param start where it begins, a multiple of {@link #PIECE}
 * @param end where it ends
 * @param blockTokens length of a block
 * @param id token id at each position
 * @param vectors of the pieces from position 0 on; null: there are none
 */
public record Candidates(int start, int end, int blockTokens, IntUnaryOperator id, PieceVectors vectors) {
    /** Small enough that a sentence fills most of one: what it says is not lost among others. */
    public static final int PIECE = 32;

    int firstPiece() {
        return start / PIECE;
    }

    /** The last piece may be short. */
    int endPiece() {
        return Math.ceilDiv(end, PIECE);
    }

    /** The block around a piece, as far as it lies within the candidates: what the piece begins or ends is not cut off. */
    TextBlock around(int piece, float score) {
        int centre = piece * PIECE + PIECE / 2;
        int from = Math.clamp(centre - blockTokens / 2, start, Math.max(start, end - blockTokens));
        return new TextBlock(from, Math.min(end, from + blockTokens), score);
    }
}
