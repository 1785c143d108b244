package longreach.gateway.rest;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.SocketTimeoutException;
import longreach.gateway.config.GatewayProperties;
import longreach.gateway.error.ApiException;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Cuts bodies off that drip: the container knows a longest silence, within which one byte after the other could hold a
 * connection and what stands behind it for days.
 */
@Component
final class SlowBodies extends OncePerRequestFilter {
    private final long bytesPerSecond;
    private final long graceNanos;

    SlowBodies(GatewayProperties properties) {
        bytesPerSecond = properties.limits().bodyBytesPerSecond().toBytes();
        graceNanos = properties.limits().bodyGrace().toNanos();
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        chain.doFilter(
                new HttpServletRequestWrapper(request) {
                    private ServletInputStream body;

                    @Override
                    public ServletInputStream getInputStream() throws IOException {
                        if (body == null) {
                            body = new Paced(super.getInputStream(), response);
                        }
                        return body;
                    }
                },
                response);
    }

    private final class Paced extends ServletInputStream {
        private final ServletInputStream in;
        private final HttpServletResponse response;
        private final long began = System.nanoTime();
        private long bytes;

        Paced(ServletInputStream in, HttpServletResponse response) {
            this.in = in;
            this.response = response;
        }

        @Override
        public int read() throws IOException {
            try {
                int value = in.read();
                count(value < 0 ? 0 : 1);
                return value;
            } catch (SocketTimeoutException e) {
                throw cut("nothing for too long after " + bytes + " bytes");
            }
        }

        @Override
        public int read(byte[] into, int from, int length) throws IOException {
            try {
                int read = in.read(into, from, length);
                count(Math.max(0, read));
                return read;
            } catch (SocketTimeoutException e) {
                throw cut("nothing for too long after " + bytes + " bytes");
            }
        }

        private void count(int more) {
            bytes += more;
            long nanos = System.nanoTime() - began;
            if (more > 0 && nanos > graceNanos && bytes < nanos / 1e9 * bytesPerSecond) {
                throw cut(bytes + " bytes in " + nanos / 1_000_000_000 + " s");
            }
        }

        private ApiException cut(String what) {
            // What is still to come is not worth waiting for either.
            response.setHeader("Connection", "close");
            return ApiException.deadline(
                    "request body: " + what + " (expected: at least " + bytesPerSecond + " bytes a second)");
        }

        @Override
        public boolean isFinished() {
            return in.isFinished();
        }

        @Override
        public boolean isReady() {
            return in.isReady();
        }

        @Override
        public void setReadListener(ReadListener listener) {
            in.setReadListener(listener);
        }
    }
}
