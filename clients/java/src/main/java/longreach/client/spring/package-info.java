/** Configures a {@link longreach.client.LongreachClient} in Spring Boot applications, from {@code longreach.*}. */
package longreach.client.spring;
