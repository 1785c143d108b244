package longreach.gateway.interaction;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import longreach.gateway.auth.Tenant;
import longreach.gateway.cache.Prefill;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import longreach.gateway.models.Models;
import longreach.gateway.plan.Planner;
import longreach.gateway.request.Requests;
import longreach.gemini.v1beta.GenerateContentRequest;
import longreach.v1.CachedPrompt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has conversations computed to the end of the last answer, one after the other, while nobody waits: a follow-up then
 * finds the answer's keys and values too, and deleting an interaction knows which chunks to erase. An answer as it was
 * generated cannot serve for that, since its text may have other tokens when it is read.
 */
final class AnswerKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AnswerKeeper.class);
    /** What does not fit is computed by the follow-up, as part of its prompt. */
    private static final int MOST_WAITING = 256;

    private final Requests requests;
    private final Models models;
    private final Planner planner;
    private final Prefill prefill;
    private final InteractionRecords records;
    private final BlockingQueue<Conversation> waiting = new ArrayBlockingQueue<>(MOST_WAITING);
    private final Thread thread;
    private volatile boolean closed;

    private record Conversation(Tenant tenant, String id, GenerateContentRequest request, CachedPrompt prompt) {}

    AnswerKeeper(Requests requests, Models models, Planner planner, Prefill prefill, InteractionRecords records) {
        this.requests = requests;
        this.models = models;
        this.planner = planner;
        this.prefill = prefill;
        this.records = records;
        thread = Thread.ofVirtual().name("answers").start(this::work);
    }

    /** @param request that the last answer was made of, for its model and functions */
    void keep(Tenant tenant, String id, GenerateContentRequest request, CachedPrompt conversation) {
        if (!waiting.offer(new Conversation(tenant, id, request, conversation))) {
            LOG.debug("an answer is left to its follow-up");
        }
    }

    private void work() {
        while (!closed) {
            try {
                compute(waiting.take());
            } catch (InterruptedException e) {
                return;
            } catch (IOException | RuntimeException e) {
                // Nothing is lost but time: the follow-up computes it.
                LOG.debug("an answer is left to its follow-up: {}", e.toString());
            }
        }
    }

    private void compute(Conversation next) throws InterruptedException, IOException {
        var request = requests.parse(next.request());
        var model = models.find(request.model());
        var segments = planner.segments(next.prompt(), request.form().tools().declared(), model);
        Caller caller = () -> {
            if (closed) {
                throw ApiException.cancelled("the gateway stops");
            }
        };
        var keys = prefill.run(model.getName(), next.tenant(), segments, List.of(), caller);
        if (!keys.isEmpty() && records.find(next.tenant(), next.id()).isPresent()) {
            records.putChunks(next.tenant(), next.id(), keys);
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
    }
}
