package io.signetmesh.cli.audit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The page of a report in a real browser, opened from a file. */
@Timeout(120)
final class ReportPageTest {
  private static final List<String> HOSTILE =
      List.of(
          "<script>document.title='run'</script>",
          "<img src=http://127.0.0.1:9/x onerror=alert(1)>",
          "javascript:alert(1)",
          "</td></table><style>body{display:none}</style>",
          "\"'><svg onload=alert(1)>",
          "&lt;b&gt;",
          "x".repeat(300));

  /** Ratios of contrast of all texts to what is behind them (WCAG 2.2). */
  private static final String CONTRASTS =
      """
      (() => {
        const parse = c => c.match(/[0-9.]+/g).map(Number);
        const light = c => {
          const [r, g, b] = parse(c).slice(0, 3).map(v => v / 255)
              .map(v => v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const behind = e => {
          for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            const p = parse(c);
            if (p.length < 4 || p[3] > 0) return c;
          }
          return 'rgb(255, 255, 255)';
        };
        const ratio = (a, b) => {
          const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
          return (x + 0.05) / (y + 0.05);
        };
        const all = [];
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          if (!walker.currentNode.data.trim()) continue;
          const e = walker.currentNode.parentElement;
          all.push(ratio(getComputedStyle(e).color, behind(e)));
        }
        return Math.min(...all);
      })()
      """;

  private static final String BARS =
      """
      (() => {
        const e = document.querySelector('svg rect');
        const parse = c => c.match(/[0-9.]+/g).map(Number);
        return [parse(getComputedStyle(e).fill),
                parse(getComputedStyle(document.body).backgroundColor)];
      })()
      """;

  @TempDir static Path directory;

  private static Browser browser;
  private static URI page;
  private static AuditLogs log;

  @BeforeAll
  static void open() throws Exception {
    log = AuditLogs.usual(directory.resolve("log"));
    for (int i = 0; i < HOSTILE.size(); i++) {
      for (int n = 0; n <= i; n++) {
        log.record(
            AuditLogs.decision(
                AuditLogs.meshed(quoted(HOSTILE.get(i))),
                i % 2 == 0 ? "allow" : "deny",
                quoted(HOSTILE.get(i)),
                ""));
      }
    }
    log.write();
    page = page("access", "--identity", "*");
    browser = new Browser(directory.resolve("profile"));
  }

  private static String quoted(String text) {
    return new String(JsonStringEncoder.getInstance().quoteAsString(text));
  }

  private static URI page(String... arguments) throws IOException {
    List<String> all = new ArrayList<>(List.of("audit", "report"));
    all.addAll(List.of(arguments));
    all.addAll(List.of("--log", log.directory().toString(), "-o", "html"));
    CommandRun run = CommandRun.of(all.toArray(String[]::new)).ended(ExitCode.OK);
    return Files.writeString(directory.resolve(arguments[0] + ".html"), run.out()).toUri();
  }

  @AfterAll
  static void close() throws InterruptedException {
    if (browser != null) {
      browser.close();
    }
  }

  private static List<String> texts(String selector) {
    List<String> all = new ArrayList<>();
    browser
        .evaluate("[...document.querySelectorAll('" + selector + "')].map(e => e.textContent)")
        .forEach(text -> all.add(text.asText()));
    return all;
  }

  @Test
  void itLoadsNothingRunsNothingAndShowsWhatClientsChoseAsText() throws Exception {
    int requests = browser.requests().size();
    browser.view(1280, false);
    browser.open(page);

    assertThat(browser.requests().subList(requests, browser.requests().size()))
        .containsExactly(page.toString());
    assertThat(browser.errors()).isEmpty();
    assertThat(browser.evaluate("document.title").asText()).isEqualTo("Access by *");
    assertThat(
            browser
                .evaluate(
                    "document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
                .asText())
        .startsWith("default-src 'none'; style-src 'sha256-")
        .contains("base-uri 'none'", "form-action 'none'")
        .doesNotContain("unsafe");
    assertThat(
            browser
                .evaluate("document.querySelectorAll('script,img,a,iframe,link,object').length")
                .asInt())
        .isZero();
    assertThat(browser.evaluate("document.querySelectorAll('style').length").asInt()).isEqualTo(1);
    assertThat(
            browser
                .evaluate(
                    "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes])"
                        + ".filter(a => /^on|^(href|src|style)$/.test(a.name)).length")
                .asInt())
        .isZero();
    assertThat(texts("tbody td:first-child")).containsAll(HOSTILE);
    // The style is in force, by its hash.
    assertThat(
            browser
                .evaluate("getComputedStyle(document.querySelector('table')).borderCollapse")
                .asText())
        .isEqualTo("collapse");
    // The policy of the page holds also what was not thought of.
    browser.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
            + " document.body.append(s); })()");
    assertThat(browser.evaluate("typeof window.ran").asText()).isEqualTo("undefined");
  }

  @Test
  void theChartHasTheCountsOfTheTable() throws Exception {
    browser.view(1280, false);
    browser.open(page);
    List<String> counts = texts("tbody td.n");

    assertThat(texts("figure .v")).isEqualTo(counts.subList(0, Math.min(20, counts.size())));
    assertThat(counts).contains("7", "6", "5", "4", "3", "2", "1");
    JsonNode widths =
        browser.evaluate(
            "[...document.querySelectorAll('figure rect')]"
                + ".map(e => e.getBoundingClientRect().width)");
    assertThat(widths).hasSameSizeAs(texts("figure .v"));
    double highest = Double.parseDouble(counts.getFirst());
    for (int i = 0; i < widths.size(); i++) {
      assertThat(widths.path(i).asDouble() / widths.path(0).asDouble())
          .isCloseTo(Double.parseDouble(counts.get(i)) / highest, Offset.offset(0.01));
    }
  }

  @ParameterizedTest
  @CsvSource({"360, false", "360, true", "1280, false", "1280, true"})
  void itIsReadInEachWidthAndLight(int width, boolean isDark) throws Exception {
    browser.view(width, isDark);
    for (URI each : List.of(page, page("strict"))) {
      browser.open(each);

      assertThat(browser.evaluate("window.innerWidth").asInt()).isEqualTo(width);
      assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
          .isLessThanOrEqualTo(width);
      assertThat(browser.evaluate(CONTRASTS).asDouble()).isGreaterThanOrEqualTo(4.5);
      assertThat(browser.evaluate("matchMedia('(prefers-color-scheme: dark)').matches").asBoolean())
          .isEqualTo(isDark);
    }
    browser.open(page);
    JsonNode colors = browser.evaluate(BARS);
    assertThat(contrast(colors.path(0), colors.path(1))).isGreaterThanOrEqualTo(3);
    // What is wider than the window is scrolled by itself, and by the keyboard, too.
    assertThat(
            browser
                .evaluate(
                    "(() => { const e = document.querySelector('table').parentElement;"
                        + " return getComputedStyle(e).overflowX + e.tabIndex; })()")
                .asText())
        .isEqualTo("auto0");
    assertThat(
            browser
                .evaluate(
                    "Math.max(...[...document.querySelectorAll('figure *')]"
                        + ".map(e => e.getBoundingClientRect().right))")
                .asDouble())
        .isLessThanOrEqualTo(width);
  }

  private static double contrast(JsonNode one, JsonNode other) {
    double a = luminance(one);
    double b = luminance(other);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }

  private static double luminance(JsonNode color) {
    double[] weights = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int i = 0; i < 3; i++) {
      double value = color.path(i).asDouble() / 255;
      sum +=
          weights[i] * (value <= 0.04045 ? value / 12.92 : Math.pow((value + 0.055) / 1.055, 2.4));
    }
    return sum;
  }
}
