package longreach.lm.engine;

import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Nobody reads what an audit computes: what comes of it is counted. */
final class AuditSink implements AnswerSink {
    private static final Logger log = LoggerFactory.getLogger(AuditSink.class);

    @Override
    public boolean ready() {
        return true;
    }

    @Override
    public void want(int restoredTokens, List<Integer> softRuns) {}

    @Override
    public void prefill(int doneTokens, int totalTokens) {}

    @Override
    public void token(Token token) {}

    @Override
    public void done(Outcome outcome) {
        log.debug("audit: {} tokens computed again", outcome.promptTokens());
    }

    @Override
    public void failed(Throwable cause) {
        log.debug("audit left out: {}", cause.toString());
    }
}
