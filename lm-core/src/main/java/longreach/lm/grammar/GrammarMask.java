package longreach.lm.grammar;

import longreach.lm.sample.TokenMask;

/** A grammar's position as a mask. The position is a value: a fork costs nothing. */
final class GrammarMask implements TokenMask {
    private final TokenSets sets;
    private final TokenBytes tokens;
    private Grammar.Position position;

    /** The bytes of a token. */
    interface TokenBytes {
        byte[] of(int id);
    }

    GrammarMask(TokenSets sets, TokenBytes tokens, Grammar.Position position) {
        this.sets = sets;
        this.tokens = tokens;
        this.position = position;
    }

    @Override
    public int apply(float[] logits, int offset) {
        TokenSet set = sets.after(position);
        if (set.count() == 0) {
            throw new UnspeakableException();
        }
        if (set.count() == 1) {
            return set.first();
        }
        set.apply(logits, offset);
        return -1;
    }

    @Override
    public boolean allows(int token) {
        return token < sets.trie().vocabulary() && sets.after(position).has(token);
    }

    @Override
    public void accept(int token) {
        for (byte b : tokens.of(token)) {
            position = position.step(b & 0xFF);
            if (position == null) {
                throw new IllegalArgumentException("token " + token + " (expected: one that is allowed)");
            }
        }
    }

    @Override
    public boolean ended() {
        return position.complete() && position.ended();
    }

    @Override
    public TokenMask fork() {
        return new GrammarMask(sets, tokens, position);
    }
}
