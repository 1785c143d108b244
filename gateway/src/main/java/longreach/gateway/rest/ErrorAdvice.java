package longreach.gateway.rest;

import com.google.rpc.Status;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import longreach.gateway.error.ApiException;
import longreach.gateway.error.ErrorMapper;
import longreach.gateway.interaction.InteractionErrors;
import longreach.gateway.openai.OpenAiErrors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.web.HttpRequestMethodNotSupportedException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.servlet.NoHandlerFoundException;
import org.springframework.web.servlet.resource.NoResourceFoundException;

/** Every failure of a handler, as Gemini writes errors. */
@RestControllerAdvice
class ErrorAdvice {
    private static final Logger LOG = LoggerFactory.getLogger(ErrorAdvice.class);

    @ExceptionHandler(Throwable.class)
    void answer(Throwable error, HttpServletRequest request, HttpServletResponse response) throws IOException {
        if (response.isCommitted() || error instanceof org.apache.catalina.connector.ClientAbortException) {
            LOG.debug("the caller of {} left: {}", request.getRequestURI(), error.toString());
            return;
        }
        Status status = ErrorMapper.toStatus(
                switch (error) {
                    case NoResourceFoundException e -> noRoute(request);
                    case NoHandlerFoundException e -> noRoute(request);
                    case HttpRequestMethodNotSupportedException e -> noRoute(request);
                    default -> error;
                });
        response.resetBuffer();
        // Rounded up: who comes back then is let in.
        ErrorMapper.retryAfter(status)
                .ifPresent(wait -> response.setHeader(
                        "Retry-After", Long.toString(wait.plusMillis(999).toSeconds())));
        if (OpenAiErrors.concerns(request.getRequestURI())) {
            RestCall.answer(response, OpenAiErrors.httpCode(status), OpenAiErrors.toJson(status));
            return;
        }
        RestCall.answer(
                response,
                ErrorMapper.httpCode(status),
                InteractionErrors.concerns(request.getRequestURI())
                        ? Json.oneLine(InteractionErrors.toJson(status))
                        : ErrorMapper.toJson(status));
    }

    private static ApiException noRoute(HttpServletRequest request) {
        return ApiException.notFound(request.getMethod() + " " + request.getRequestURI()
                + ": no such route (expected: models, models/NAME:METHOD, cachedContents, interactions, files and"
                + " upload/*/files, under /v1beta, /v1 or /v1alpha; or models, chat/completions, embeddings and audio/transcriptions"
                + " under /openai/v1)");
    }
}
