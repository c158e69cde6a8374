package io.signetmesh.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.AsciiString;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RequestPathTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "*",
        "/a",
        "/a/",
        "/a/b.c/..d/...",
        "/.well-known/x",
        "/a;v=1/b",
        "/a%20b",
        "/caf%C3%A9",
        "/a?b//../%2f\\%zz",
        "/?",
        "/a:b@c!$&'()*+,=~_-",
      })
  void aNormalPathIsItself(String path) {
    assertThat(RequestPath.normalize(path)).isSameAs(path);
    assertThat(RequestPath.refusal(path)).isNull();
    AsciiString ascii = new AsciiString(path);
    assertThat(RequestPath.normalize(ascii)).isSameAs(ascii);
  }

  @ParameterizedTest
  @CsvSource({
    "//, /",
    "//a///b//, /a/b/",
    "/a/./b, /a/b",
    "/./, /",
    "/., /",
    "/a/.., /",
    "/a/../b, /b",
    "/a/b/../../c, /c",
    "/a/b/.., /a/",
    "/a/b/., /a/b/",
    "/a/%2e%2e/b, /b",
    "/a/%2E./b, /b",
    "/a/.%2e?q=/../x, /?q=/../x",
    "/%61%2Db, /a-b",
    "/a%2fb?, ",
    "/%7euser, /~user",
    "/a%3ab, /a%3Ab",
    "/caf%c3%a9, /caf%C3%A9",
    "/caf\u00c3\u00a9, /caf%C3%A9",
    "/caf\u00c3%A9, /caf%C3%A9",
    "/%F0%9F%98%80, /%F0%9F%98%80",
    "/a//../b, /a/b",
    "//.., /",
    "/a/%252e%252e/b, /a/%252e%252e/b",
    "/a/?x=//./, /a/?x=//./",
    "/a//?x=//./, /a/?x=//./",
  })
  void whatDiffersOnlyInSpellingIsTheSamePath(String path, String normal) {
    assertThat(RequestPath.normalize(path)).isEqualTo(normal);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "a",
        "?",
        "**",
        "http://web/",
        "/a%2Fb",
        "/a%2fb",
        "/a%5Cb",
        "/a%5c..",
        "/a\\b",
        "/a\u0000",
        "/a%00",
        "/a%0d%0a",
        "/a%7f",
        "/a\tb",
        "/a b",
        "/a\u007f",
        "/a#b",
        "/%",
        "/%4",
        "/%4g",
        "/%%41",
        "/%4?1",
        "/..",
        "/../a",
        "/a/../..",
        "/%2e%2e/a",
        "/a/..;x/b",
        "/a/.;/b",
        "/a/%2e%2e;x=1/b",
        "/a/..%3bx/b",
        "/a/..;",
        "/%c0%af",
        "/%c0%ae%c0%ae/",
        "/%e0%80%af",
        "/%f0%80%80%af",
        "/%ed%a0%80",
        "/%f4%90%80%80",
        "/%f5%80%80%80",
        "/%80",
        "/%c3",
        "/%c3/%a9",
        "/%c3a",
        "/%c2%85",
        "/\u00c0\u00af",
        "/\u0100",
        "/%\uff14\uff11",
      })
  void whatReadersDifferAboutHasNoNormalForm(String path) {
    assertThat(RequestPath.normalize(path)).isNull();
    assertThat(RequestPath.refusal(path)).isNotEmpty();
  }

  @Test
  void aRefusalNamesWhatAndWhere() {
    assertThat(RequestPath.refusal("/a%2Fb"))
        .isEqualTo("an escaped slash or backslash at character 2");
    assertThat(RequestPath.refusal("/a/../../b")).startsWith("a dot segment above the root");
    assertThat(RequestPath.refusal("/a/..;x/b")).startsWith("a dot segment with parameters");
  }
}
