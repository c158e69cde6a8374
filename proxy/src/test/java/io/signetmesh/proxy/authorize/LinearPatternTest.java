package io.signetmesh.proxy.authorize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class LinearPatternTest {
  /** A backtracking engine takes time exponential in the length of the text for each of them. */
  @Test
  @Timeout(20)
  void pathologicalExpressionsTakeLinearTime() {
    String text = "/" + "a".repeat(4_000) + "!";
    for (String expression :
        List.of("/(a+)+", "/(a*)*b", "/(a|a)*b", "/(a|aa)+b", "/(.*a){20}", "/(a?){50}a{50}x")) {
      LinearPattern pattern = LinearPattern.compile(expression);
      long begin = System.nanoTime();

      assertThat(pattern.matches(text)).as(expression).isFalse();

      assertThat(Duration.ofNanos(System.nanoTime() - begin))
          .as(expression)
          .isLessThan(Duration.ofSeconds(2));
    }
  }

  @Test
  @Timeout(20)
  void expressionsThatWouldGrowTooLargeAreRefusedBeforeTheyDo() {
    for (String expression :
        List.of(
            "(a{1000}){1000}",
            "((a{100}){100}){100}",
            "(?:(?:a{0,30}){0,30}){0,30}",
            "(a{500}|b{500}){100,}",
            "(".repeat(300) + ")".repeat(300),
            "(a|".repeat(1_000) + "b" + ")".repeat(1_000),
            "a".repeat(LinearPattern.LONGEST + 1))) {
      assertThatThrownBy(() -> LinearPattern.compile(expression))
          .as(expression)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("regular expression");
    }
  }

  @Test
  void expressionsWithErrorsSayWhichAndWhat() {
    assertThatThrownBy(() -> LinearPattern.compile("/a(b"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("/a(b");
    assertThatThrownBy(() -> LinearPattern.compile("(a)\\1"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** What is compared before the engine is asked does not change what matches. */
  @Test
  void matchesWhatTheEngineMatches() {
    List<String> expressions =
        List.of(
            "/a",
            "^/a",
            "/a$",
            "/a.*",
            "/a/.*",
            "/a+",
            "/ab?",
            "/a\\.b",
            "/a\\.b.*",
            "/a|/b",
            "/(a|b)/c",
            "(?i)/A/b",
            "/a/(?i)B",
            "/[ab]/c",
            "/a{2}",
            "/a\\d",
            ".*",
            "",
            "/a.*b",
            "/\\Qa.b\\E",
            "/a\\b",
            "/a[/]b",
            "/a.*/c$",
            "/.+/c",
            "a|b");
    List<String> texts =
        List.of(
            "/a", "/a/", "/ab", "/aa", "/aaa", "/a.b", "/axb", "/a.bc", "/b", "/b/c", "/a/c",
            "/A/B", "/a/b", "/a/B", "/a1", "/a\nb", "", "/", "/a/x/c", "a", "b", "/a.*", "/ab/c");
    for (String expression : expressions) {
      LinearPattern pattern = LinearPattern.compile(expression);
      for (String text : texts) {
        assertThat(pattern.matches(text))
            .as("%s on %s", expression, text)
            .isEqualTo(Pattern.matches(expression, text));
        assertThat(pattern.matches(new StringBuilder(text)))
            .as("%s on %s", expression, text)
            .isEqualTo(Pattern.matches(expression, text));
        assertThat(pattern.matches(text + "?q", text.length()))
            .as("%s on the beginning of %s?q", expression, text)
            .isEqualTo(Pattern.matches(expression, text));
      }
    }
  }
}
