package longreach.gateway.rest;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import longreach.gateway.auth.ApiKeys;
import longreach.gateway.auth.AuditEntry;
import longreach.gateway.auth.Quotas;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.servlet.HandlerInterceptor;
import org.springframework.web.servlet.config.annotation.InterceptorRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/** The key check before every handler, and the watch over connections. */
@Configuration(proxyBeanMethods = false)
class RestConfiguration implements WebMvcConfigurer {
    private final ApiKeys keys;
    private final Quotas quotas;

    RestConfiguration(ApiKeys keys, Quotas quotas) {
        this.keys = keys;
        this.quotas = quotas;
    }

    @Override
    public void addInterceptors(InterceptorRegistry registry) {
        registry.addInterceptor(new HandlerInterceptor() {
                    @Override
                    public boolean preHandle(HttpServletRequest request, HttpServletResponse response, Object handler) {
                        // An upload's id stands for the key of the request that began it.
                        if (!continuesUpload(request)) {
                            var tenant = RestCall.admit(request, keys);
                            request.setAttribute(RestCall.TENANT, tenant);
                            AuditEntry.current().tenant(tenant);
                            quotas.request(tenant);
                            quotas.bytes(tenant, announcedBytes(request));
                        }
                        return true;
                    }
                })
                .addPathPatterns("/v1/**", "/v1beta/**", "/v1alpha/**", "/upload/**", "/openai/**");
    }

    /** Of the body, or of the upload that it announces. */
    private static long announcedBytes(HttpServletRequest request) {
        long body = request.getContentLengthLong();
        var upload = request.getHeader("X-Goog-Upload-Header-Content-Length");
        return upload != null && upload.matches("\\d{1,18}") ? Math.max(body, Long.parseLong(upload)) : body;
    }

    private static boolean continuesUpload(HttpServletRequest request) {
        return request.getRequestURI().startsWith("/upload/")
                && !RestCall.query(request, UploadController.UPLOAD_ID).isEmpty();
    }

    @Bean
    WebServerFactoryCustomizer<TomcatServletWebServerFactory> connectionWatch() {
        return factory -> factory.addEngineValves(new Disconnects());
    }
}
