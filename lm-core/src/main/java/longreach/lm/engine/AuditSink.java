package longreach.lm.engine;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Nobody reads what an audit computes: what comes of it is counted. */
final class AuditSink implements AnswerSink {
    private static final Logger log = LoggerFactory.getLogger(AuditSink.class);

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
