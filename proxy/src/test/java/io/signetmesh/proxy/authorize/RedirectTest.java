package io.signetmesh.proxy.authorize;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.authorize.Route.Filter.Redirect;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where redirects lead. */
final class RedirectTest {
  @ParameterizedTest
  @CsvSource({
    ",       , 0,    /a?q=1,    web,         http://web/a?q=1",
    ",       , 0,    /a,        web:8080,    http://web:8080/a",
    "https,  , 0,    /a,        web:8080,    https://web/a",
    "https,  , 8443, /a,        web:8080,    https://web:8443/a",
    "https,  , 443,  /a,        web:8080,    https://web/a",
    "http,   , 80,   /a,        web:8080,    http://web/a",
    ",    new, 0,    /a,        web:8080,    http://new/a",
    ",       , 0,    /a,        [fd00::1],   http://[fd00::1]/a",
    ",       , 0,    /a,        [fd00::1]:9, http://[fd00::1]:9/a",
  })
  void keepsWhatIsNotReplaced(
      @Nullable String scheme,
      @Nullable String host,
      int port,
      String target,
      String authority,
      String location) {
    Redirect redirect = new Redirect(scheme, host, null, false, 0, port, 302);
    assertThat(redirect.location(target, authority)).isEqualTo(location);
  }

  @ParameterizedTest
  @CsvSource({
    "/old, /new,  /old,         /new",
    "/old, /new,  /old/,        /new/",
    "/old, /new,  /old/a/b?q=/, /new/a/b?q=/",
    "/old, /new/, /old/a,       /new/a",
    "/old, /new/, /old,         /new/",
    "/old, /,     /old,         /",
    "/old, /,     /old/a,       /a",
    "'',   /new,  /a,           /new/a",
  })
  void replacesThePrefixThatTheRouteTook(
      String prefix, String replacement, String target, String path) {
    Redirect redirect = new Redirect(null, null, replacement, true, prefix.length(), 0, 302);
    assertThat(redirect.location(target, "web")).isEqualTo("http://web" + path);
  }

  @ParameterizedTest
  @CsvSource({"/a/b, /new", "/a?q=1, /new?q=1"})
  void replacesThePathAndKeepsTheQuery(String target, String path) {
    Redirect redirect = new Redirect(null, null, "/new", false, 2, 0, 302);
    assertThat(redirect.location(target, "web")).isEqualTo("http://web" + path);
  }
}
