package longreach.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.Map;
import longreach.standalone.StandaloneServer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/**
 * The page in a browser, over the whole system. {@code -Dlongreach.screenshots=DIR} keeps the pictures that the
 * documentation shows.
 */
class PlaygroundIT {
    private static final Path SCREENSHOTS = Path.of(System.getProperty("longreach.screenshots", "target/screenshots"));

    @BeforeAll
    static void weights() {
        TestWeights.require();
    }

    @Test
    void aPersonDropsAFileAsksAndFollowsTheCitation(
            @TempDir Path data, @TempDir(cleanup = CleanupMode.ON_SUCCESS) Path profile) throws Exception {
        var program = Browser.program();
        assumeTrue(program.isPresent(), "skipped: no Chromium or Chrome on the PATH");
        try (var server = StandaloneServer.start(data, Map.of());
                var browser = new Browser(program.get(), profile, 1280, 800)) {
            browser.open(server.url());
            browser.await("document.querySelectorAll('#model option').length > 0");

            browser.choose("#picker", TestWeights.sample("report.pdf"));
            browser.await("document.querySelector('#files .item[data-state=ACTIVE]')");
            assertThat(browser.text("#files")).contains("report.pdf", "10 pages");
            browser.await("/document/.test(document.querySelector('#tokens').textContent)");

            ask(browser, "How long will the new power cable be?");
            assertThat(browser.text(".turn.model .text")).contains("7.8");
            assertThat(browser.text(".turn.model .badges")).contains("first token", "prefilled");
            assertThat(browser.text(".source")).contains("report.pdf, page 10");

            browser.evaluate("document.querySelector('.source').click()");
            browser.await("document.querySelector('#viewer-body iframe')?.src.endsWith('#page=10')");
            assertThat(browser.text("#viewer-text")).contains("7.8 kilometres");
            // The PDF is a page of the browser's own, which cannot be asked whether it is drawn. Only the picture
            // waits.
            Thread.sleep(2000);
            browser.screenshot(SCREENSHOTS.resolve("playground.png"));

            // The same question in a new conversation costs only itself.
            browser.evaluate("document.querySelector('#clear').click()");
            assertThat(browser.text(".turn")).isEmpty();
            ask(browser, "How long will the new power cable be?");
            assertThat(browser.text(".badge.hit")).contains("tokens from the cache");

            aContextIsKeptAndAsked(browser);
            copyAsCode(browser);
            phoneAndDark(browser);
            assertThat(browser.errors()).isEmpty();
        }
    }

    private static void ask(Browser browser, String question) {
        browser.evaluate("document.querySelector('#question').focus()");
        browser.type(question);
        browser.press("Enter", 13);
        browser.await("document.querySelectorAll('.turn.model .badge').length >= 3");
    }

    private static void aContextIsKeptAndAsked(Browser browser) {
        browser.evaluate("document.querySelector('#context-form button').click()");
        browser.await("document.querySelector('#contexts input:checked')");
        assertThat(browser.text("#contexts")).contains("report.pdf", "tokens", "left");
        browser.evaluate("document.querySelector('#clear').click()");
        ask(browser, "Who is the keeper of the light?");
        assertThat(browser.text(".badge.hit")).contains("tokens from the cache");
        assertThat(browser.text(".badges")).contains("context until");
        browser.evaluate("document.querySelector('#contexts button.icon').click()");
        browser.await("document.querySelectorAll('#contexts .item').length === 0");
    }

    private static void copyAsCode(Browser browser) {
        browser.evaluate("document.querySelector('#copy').click()");
        for (String language : new String[] {"Python", "JavaScript", "Go", "Java", "curl"}) {
            browser.evaluate("[...document.querySelectorAll('#code-tabs button')].find(b => b.textContent === '"
                    + language + "').click()");
            assertThat(browser.text("#code-text")).contains("smollm2-135m", "files/");
        }
        browser.evaluate("document.querySelector('#code-close').click()");
    }

    private static void phoneAndDark(Browser browser) {
        browser.size(390, 844, true);
        browser.darkMode(true);
        browser.evaluate("document.querySelector('#viewer-close').click()");
        browser.screenshot(SCREENSHOTS.resolve("playground-phone.png"));
        // Nothing is wider than the phone.
        assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt(0))
                .isLessThanOrEqualTo(390);
        browser.evaluate("document.querySelector('#toggle-side').click()");
        assertThat(browser.evaluate("getComputedStyle(document.querySelector('#side')).display")
                        .asString(""))
                .isEqualTo("block");
    }
}
