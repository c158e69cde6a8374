package io.signetmesh.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.util.List;
import java.util.Locale;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.jspecify.annotations.Nullable;

class RequestPathProperties {
  /** Pieces of which tricks are made. */
  @Provide
  Arbitrary<String> targets() {
    return Arbitraries.of(
            "/", "/", "/", ".", "..", "a", "Bc", "%2e", "%2E", "%2f", "%5C", "\\", ";", "%3b",
            "%41", "%c3", "%A9", "%C0", "\u00c3", "\u00a9", "%", "%0", "%00", "%25", "?", "#", " ",
            "~", "%7E", ":", "%3a", "\u0000", "\u0101", "*")
        .list()
        .ofMaxSize(14)
        .map(pieces -> "/" + String.join("", pieces));
  }

  @Property(tries = 20_000)
  void aNormalFormIsItsOwnAndHoldsNoTrick(@ForAll("targets") String target) {
    CharSequence found = RequestPath.normalize(target);
    if (found == null) {
      assertThat(RequestPath.refusal(target)).isNotNull();
      return;
    }
    assertThat(RequestPath.refusal(target)).isNull();
    String normal = found.toString();
    assertThat(RequestPath.normalize(normal)).isSameAs(normal);
    int query = normal.indexOf('?');
    String path = query < 0 ? normal : normal.substring(0, query);
    assertThat(path).startsWith("/").doesNotContain("//", "\\", "#", " ", "%2F", "%5C", "%00");
    assertThat(List.of(path.split("/", -1))).doesNotContain(".", "..");
    assertThat(path).isEqualTo(withUpperCaseEscapes(path));
    assertThat(path.chars()).allMatch(c -> c > ' ' && c < 0x7f);
    int received = target.indexOf('?');
    assertThat(query < 0 ? "" : normal.substring(query))
        .isEqualTo(received < 0 ? "" : target.substring(received));
  }

  private static String withUpperCaseEscapes(String path) {
    StringBuilder upper = new StringBuilder(path);
    for (int i = path.indexOf('%'); i >= 0; i = path.indexOf('%', i + 3)) {
      upper.replace(i, i + 3, path.substring(i, i + 3).toUpperCase(Locale.ROOT));
    }
    return upper.toString();
  }

  @Property(tries = 5_000)
  void anyTextHasANormalFormOrIsRefused(@ForAll String target) {
    assertThat(RequestPath.normalize(target) == null)
        .isEqualTo(RequestPath.refusal(target) != null);
  }

  @Provide
  Arbitrary<String> harmless() {
    return Arbitraries.of("a", "b.c", "...", ".d", "e..", "", ".", "..")
        .list()
        .ofMinSize(1)
        .ofMaxSize(9)
        .map(segments -> "/" + String.join("/", segments));
  }

  @Property(tries = 20_000)
  void dotSegmentsGoAsTheStandardSays(@ForAll("harmless") String path) {
    String resolved = removeDotSegments(path);
    CharSequence normal = RequestPath.normalize(path);
    if (resolved == null) {
      assertThat(normal).isNull();
    } else {
      assertThat(normal).hasToString(resolved.replaceAll("/+", "/"));
    }
  }

  @Property(tries = 5_000)
  void agreesWithTheResolutionOfTheJdkWhereNothingIsAboveTheRoot(@ForAll("harmless") String path) {
    if (path.contains("//") || removeDotSegments(path) == null) {
      return;
    }
    String resolved = URI.create("http://web" + path).normalize().getRawPath();
    assertThat(RequestPath.normalize(path)).hasToString(resolved.isEmpty() ? "/" : resolved);
  }

  /** RFC 3986 5.2.4 to the letter; null where a dot segment goes above the root. */
  private static @Nullable String removeDotSegments(String path) {
    String in = path;
    String out = "";
    while (!in.isEmpty()) {
      if (in.startsWith("/./")) {
        in = in.substring(2);
      } else if (in.equals("/.")) {
        in = "/";
      } else if (in.startsWith("/../") || in.equals("/..")) {
        if (out.isEmpty()) {
          return null;
        }
        out = out.substring(0, out.lastIndexOf('/'));
        in = in.equals("/..") ? "/" : in.substring(3);
      } else {
        int next = in.indexOf('/', 1);
        int stop = next < 0 ? in.length() : next;
        out += in.substring(0, stop);
        in = in.substring(stop);
      }
    }
    return out;
  }
}
