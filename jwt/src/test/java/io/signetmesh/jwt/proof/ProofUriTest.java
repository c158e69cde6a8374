package io.signetmesh.jwt.proof;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProofUriTest {
  @ParameterizedTest
  @CsvSource({
    "https://a.example,                     https://a.example/",
    "https://a.example?x,                   https://a.example/",
    "https://a.example#x,                   https://a.example/",
    "HTTPS://A.Example:443/b?c=d#e,         https://a.example/b",
    "http://a.example:80/,                  http://a.example/",
    "http://a.example:/,                    http://a.example/",
    "http://a.example:443/,                 http://a.example:443/",
    "https://a.example:80/B,                https://a.example:80/B",
    "https://[2001:DB8::1]:443/,            https://[2001:db8::1]/",
    "https://[::1]/,                        https://[::1]/",
    "https://a.example/%7euser/%2f/%c3%a4,  https://a.example/~user/%2F/%C3%A4",
    "https://a.example/a/./b/../c,          https://a.example/a/c",
    "https://a.example/a/%2e%2E/c,          https://a.example/c",
    "https://a.example/../..,               https://a.example/",
    "https://a.example/a/..,                https://a.example/",
    "https://a.example/a/.,                 https://a.example/a/",
    "https://a.example/a//b,                https://a.example/a//b"
  })
  void aUriHasANormalForm(String uri, String normal) {
    assertThat(ProofUri.normal(uri)).isEqualTo(normal);
    assertThat(ProofUri.normal(normal)).isEqualTo(normal);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/orders",
        "//a.example/",
        "ftp://a.example/",
        "https:///orders",
        "https://user@a.example/",
        "https://user:secret@a.example/",
        "https://a.example:port/",
        "https://a.example:123456/",
        "https://:443/",
        "https://a.example\\@b.example/",
        "https://a b/",
        "https://\u00e4.example/",
        "https://a.example/%",
        "https://a.example/%4",
        "https://a.example/%zz"
      })
  void whatIsNoUriOfARequestHasNone(String uri) {
    assertThat(ProofUri.normal(uri)).isNull();
  }

  @Test
  void aRequestHasTheSameFormAsItsUri() {
    assertThat(ProofUri.normal("https", "Shop.example:443", "/a/../b?c=/../d"))
        .isEqualTo(ProofUri.normal("https://shop.example/b"));
    assertThat(ProofUri.normal("https", "shop.example", "*")).isNull();
    assertThat(ProofUri.normal("https", "", "/")).isNull();
  }
}
