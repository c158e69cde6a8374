package io.signetmesh.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.path.RoutePath.Meaning;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RoutePathTest {
  @ParameterizedTest
  @CsvSource({
    "/,                /,          LITERAL",
    "/a/b,             /a/b,       LITERAL",
    "/a/,              /a/,        LITERAL",
    "/%61%7e,          /a~,        LITERAL",
    "/a%3a,            /a%3A,      LITERAL",
    "/a b,             /a%20b,     LITERAL",
    "/\u00e9,          /%C3%A9,    LITERAL",
    "/...,             /...,       LITERAL",
    "/m;x,             /m;x,       PARAMETERS",
    "/m%3bx,           /m%3Bx,     PARAMETERS",
    "/a//b,            /a/b,       MERGED",
    "//p/,             /p/,        MERGED",
    "/a//%62,          /a/b,       MERGED",
    "/c/../d,          /c/../d,    DOT_SEGMENTS",
    "/e/%2e,           /e/.,       DOT_SEGMENTS",
    "/g/..,            /g/..,      DOT_SEGMENTS",
    "/a//./b,          /a//./b,    DOT_SEGMENTS",
    "//,               //,         SLASHES_ONLY",
    "/a?b,             /a?b,       BEYOND_PATH",
    "/a#b,             /a#b,       BEYOND_PATH",
    "/../h,            /../h,      REFUSED",
    "/i/..;x/j,        /i/..;x/j,  REFUSED",
    "/a%2fb,           /a%2Fb,     REFUSED",
    "/a\\b,            /a%5Cb,     REFUSED",
    "/a%zz,            /a%zz,      REFUSED",
    "/a%c0%af,         /a%C0%AF,   REFUSED"
  })
  void isReadAsRequestsCome(String written, String text, Meaning meaning) {
    RoutePath read = RoutePath.of(written);
    assertThat(read.meaning()).isEqualTo(meaning);
    assertThat(read.text()).isEqualTo(text);
    assertThat(read.refusal() != null).isEqualTo(meaning == Meaning.REFUSED);
  }

  @Test
  void tellsWhyRequestsAreRefused() {
    assertThat(RoutePath.of("/a%2Fb").refusal())
        .isEqualTo("an escaped slash or backslash at character 2");
  }

  @Test
  void whereRequestsKeepTheirPathSegmentsStay() {
    assertThat(RoutePath.asWritten("/a//./%62")).isEqualTo("/a//./b");
    assertThat(RoutePath.asWritten("/a?b")).isEqualTo("/a?b");
  }
}
