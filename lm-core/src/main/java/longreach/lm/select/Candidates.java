package longreach.lm.select;

import java.util.function.IntUnaryOperator;

/**
 * The part of a context that is chosen from. It is scored in pieces of {@link #PIECE} tokens; of a vector's piece, a sentence,
 * the score counts for the one its middle lies in.
 *
 * @param start where it begins, a multiple of {@link #PIECE}
 * @param end where it ends
 * @param blockTokens length of a block
 * @param id token id at each position
 * @param vectors of the sentences from position 0 on; null: there are none
 */
public record Candidates(int start, int end, int blockTokens, IntUnaryOperator id, PieceVectors vectors) {
    /** Finer than a block, so that one can lie around what fits. */
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
