package io.signetmesh.proxy.authorize;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http.HttpHeaderValidationUtil;
import org.junit.jupiter.api.Test;

final class RequestSyntaxTest {
  @Test
  void tokensAndValuesAreThoseOfTheCodecWithoutBlanksAtTheEnd() {
    for (char c = 0; c < 0x100; c++) {
      for (String text : new String[] {"" + c, "a" + c, c + "a", "a" + c + "a"}) {
        assertThat(RequestSyntax.isFieldValue(text))
            .as("value with %d", (int) c)
            .isEqualTo(
                HttpHeaderValidationUtil.validateValidHeaderValue(text) < 0
                    && !text.endsWith(" ")
                    && !text.endsWith("\t"));
        assertThat(RequestSyntax.isToken(text))
            .as("token with %d", (int) c)
            .isEqualTo(HttpHeaderValidationUtil.validateToken(text) < 0);
      }
    }
    assertThat(RequestSyntax.isFieldValue("")).isTrue();
    assertThat(RequestSyntax.isFieldValue("a b\tc")).isTrue();
    assertThat(RequestSyntax.isToken("")).isFalse();
  }

  @Test
  void aPathBeginsWithASlashOrIsTheAsteriskOfOptions() {
    assertThat(RequestSyntax.isPath("/a b", "GET")).isTrue();
    assertThat(RequestSyntax.isPath("*", "OPTIONS")).isTrue();
    assertThat(RequestSyntax.isPath("*", "GET")).isFalse();
    assertThat(RequestSyntax.isPath("", "GET")).isFalse();
    assertThat(RequestSyntax.isPath("http://web/", "GET")).isFalse();
    assertThat(RequestSyntax.isPath("/", "CONNECT")).isFalse();
  }
}
