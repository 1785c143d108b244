package longreach.lm.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import longreach.lm.engine.TokenText;
import longreach.lm.sample.TokenMask;

/** Grammars run by hand: byte by byte, or as a model of random taste would run them. */
final class Languages {
    private static final String ALPHABET = " abcdxyz0123456789\"\"{}[],:.-\\utrue";

    private Languages() {}

    static Grammar json(String schema) {
        return new Grammar(SchemaCompiler.compile(schema, ""));
    }

    /** Whether the whole text is in the language. */
    static boolean accepts(Grammar grammar, String text) {
        Grammar.Position position = grammar.begin();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            position = position.step(b & 0xFF);
            if (position == null) {
                return false;
            }
        }
        return position.complete();
    }

    /** All bytes, and tokens of several: words, JSON punctuation, parts of characters. Id 0 ends an answer. */
    static TokenText vocabulary(long seed) {
        List<byte[]> tokens = new ArrayList<>();
        tokens.add(new byte[0]);
        for (int b = 0; b < 256; b++) {
            tokens.add(new byte[] {(byte) b});
        }
        for (String text : List.of(
                "{\"",
                "\":",
                "\": ",
                "\",",
                "\", \"",
                "\"}",
                "\"]",
                "},",
                "}]",
                "]}",
                "],",
                "[{",
                "[\"",
                "true",
                "false",
                "null",
                "name",
                "\"name\"",
                "\\n",
                "\\\"",
                "\\u00",
                "12",
                "345",
                "0.5",
                "e",
                "-",
                "abc",
                "the ",
                " of",
                "ä",
                "日本",
                "😀",
                "a\"",
                "x\":",
                "0]",
                "1}",
                "2,",
                ", ",
                "1.",
                "<tool_call>",
                "\n{",
                "</tool_call>",
                "{\"name\": \"",
                "20",
                "-0",
                "T1",
                "Z\"",
                "@",
                ".com")) {
            tokens.add(text.getBytes(StandardCharsets.UTF_8));
        }
        // Two bytes of a character of three, and its last with a quote.
        tokens.add(new byte[] {(byte) 0xE6, (byte) 0x97});
        tokens.add(new byte[] {(byte) 0xA5, '"'});
        var random = new Random(seed);
        for (int i = 0; i < 200; i++) {
            byte[] bytes = new byte[2 + random.nextInt(4)];
            for (int k = 0; k < bytes.length; k++) {
                bytes[k] = (byte) ALPHABET.charAt(random.nextInt(ALPHABET.length()));
            }
            tokens.add(bytes);
        }
        return new TokenText() {
            @Override
            public byte[] bytes(int id) {
                return tokens.get(id);
            }

            @Override
            public boolean endsAnswer(int id) {
                return id == 0;
            }
        };
    }

    static final int VOCABULARY = 1 + 256 + 49 + 2 + 200;

    /** How an answer went. */
    record Run(String text, boolean ended, int tokens) {}

    /**
     * Chooses by random logits until the end.
     *
     * @param liking added to the logits of tokens that close something, so that answers end
     */
    static Run run(TokenMask mask, TokenText text, Random random, int maxTokens, float liking) {
        var bytes = new java.io.ByteArrayOutputStream();
        float[] logits = new float[VOCABULARY];
        for (int n = 0; n < maxTokens; n++) {
            for (int i = 0; i < logits.length; i++) {
                byte[] token = text.bytes(i);
                boolean closes = token.length == 0 || "\"}]".indexOf(token[0]) >= 0;
                logits[i] = (float) random.nextGaussian() + (closes ? liking : 0);
            }
            int only = mask.apply(logits, 0);
            int best = only >= 0 ? only : best(logits);
            if (logits[best] == Float.NEGATIVE_INFINITY) {
                throw new AssertionError("the only token has no logit");
            }
            if (text.endsAnswer(best)) {
                return new Run(bytes.toString(StandardCharsets.UTF_8), true, n);
            }
            mask.accept(best);
            bytes.writeBytes(text.bytes(best));
            if (mask.ended()) {
                return new Run(bytes.toString(StandardCharsets.UTF_8), true, n + 1);
            }
        }
        return new Run(bytes.toString(StandardCharsets.UTF_8), false, maxTokens);
    }

    private static int best(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }
}
