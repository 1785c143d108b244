package longreach.lm.engine;

import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import longreach.lm.select.BlockSelector;
import longreach.lm.select.EmbeddingSelector;
import longreach.lm.select.FusedSelector;
import longreach.lm.select.LexicalSelector;
import longreach.lm.select.TextEmbedder;

/** The selectors of an engine, and the thread that computes vectors beside its prefill. */
final class LongSelection implements AutoCloseable {
    private final TokenText tokens;
    private final int vocabulary;
    private final TextEmbedder embedder;
    private final ExecutorService indexing = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("piece-index").daemon().factory());
    private LexicalSelector lexical;

    /** @param embedder null: there is none, and every choice is lexical */
    LongSelection(TokenText tokens, int vocabulary, TextEmbedder embedder) {
        this.tokens = tokens;
        this.vocabulary = vocabulary;
        this.embedder = embedder;
    }

    /** What is chosen by where {@code wanted} is asked for. */
    BlockSelector.Kind available(BlockSelector.Kind wanted) {
        return wanted.needsVectors() && embedder == null ? BlockSelector.Kind.LEXICAL : wanted;
    }

    /** @param kind an available one that chooses something */
    BlockSelector selector(BlockSelector.Kind kind) {
        return switch (kind) {
            case LEXICAL -> lexical();
            case EMBEDDING -> new EmbeddingSelector(embedder);
            case FUSED -> new FusedSelector(new EmbeddingSelector(embedder), lexical());
            case NONE -> throw new IllegalArgumentException("selector: none (expected: one that chooses)");
        };
    }

    // Its table of the vocabulary is made when it is first needed.
    private synchronized LexicalSelector lexical() {
        if (lexical == null) {
            lexical = new LexicalSelector(vocabulary, tokens::bytes);
        }
        return lexical;
    }

    TextEmbedder embedder() {
        return embedder;
    }

    TokenText tokens() {
        return tokens;
    }

    /** Tasks run one after the other, beside the engine's steps. */
    ExecutorService indexing() {
        return indexing;
    }

    /** Waits for the vectors that are to be computed by now. @return false if that took longer than the limit */
    boolean awaitIndexed(Duration limit) throws InterruptedException {
        try {
            indexing.submit(() -> {}).get(limit.toNanos(), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (RejectedExecutionException | ExecutionException closing) {
            return true;
        }
    }

    @Override
    public void close() {
        indexing.shutdownNow();
        try {
            indexing.awaitTermination(1, TimeUnit.MINUTES);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
