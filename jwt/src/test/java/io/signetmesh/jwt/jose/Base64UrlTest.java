package io.signetmesh.jwt.jose;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Base64;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.Chars;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Base64UrlTest {
  @Property(tries = 300)
  void whatIsEncodedIsDecoded(@ForAll byte[] bytes) {
    assertThat(Base64Url.decode(Base64Url.encode(bytes))).isEqualTo(bytes);
  }

  /** One text for each value: decoding and encoding comes to the same text. */
  @Property(tries = 2000)
  void noTwoTextsAreTheSameBytes(
      @ForAll
          @StringLength(max = 6)
          @CharRange(from = 'A', to = 'Z')
          @CharRange(from = '0', to = '9')
          @Chars({'-', '_', '=', '+', '/', 'a', '\u00e4'})
          String text) {
    byte[] bytes = Base64Url.decode(text);
    if (bytes != null) {
      assertThat(Base64Url.encode(bytes)).isEqualTo(text);
      assertThat(Base64.getUrlDecoder().decode(text)).isEqualTo(bytes);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "A",
        "AAAAA",
        "AA==",
        "AB",
        "AAB",
        "A A",
        "AA\n",
        "A+==",
        "AA/A",
        "AAA.",
        "\u0410AAA"
      })
  void otherTextsAreRefused(String text) {
    assertThat(Base64Url.decode(text)).isNull();
  }
}
