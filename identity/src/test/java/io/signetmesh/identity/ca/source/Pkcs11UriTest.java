package io.signetmesh.identity.ca.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.pki.PkiException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Pkcs11UriTest {
  private static final Pkcs11Token.Config CONFIG =
      new Pkcs11Token.Config(
          Path.of("/usr/lib/a+b/lib.so"), "my token", Path.of("/etc/signet/pin@1"), "root-2027");

  @Test
  void aUriNamesTokenKeyLibraryAndPinFile() {
    String uri = Pkcs11Uri.format(CONFIG);

    assertThat(uri)
        .isEqualTo(
            "pkcs11:token=my%20token;object=root-2027?module-path=/usr/lib/a%2Bb/lib.so"
                + "&pin-source=file:/etc/signet/pin%401");
    assertThat(Pkcs11Uri.parse(uri)).isEqualTo(CONFIG);
  }

  @Test
  void aPlusSignIsNoBlankAndThePinSourceMayBeAPath() {
    assertThat(
            Pkcs11Uri.parse(
                "pkcs11:object=root-2027;token=my%20token?pin-source=/etc/signet/pin@1"
                    + "&module-path=/usr/lib/a+b/lib.so"))
        .isEqualTo(CONFIG);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "pkcs11:token=t?module-path=/l&pin-source=/p | attribute object is missing",
        "pkcs11:token=t;object=k?module-path=/l | attribute pin-source is missing",
        "pkcs11:token=t;object=k | attribute pin-source is missing",
        "pkcs11:token=t;token=u;object=k?module-path=/l&pin-source=/p | token is there twice",
        "pkcs11:token=t;object=k?module-path=l&pin-source=/p | module-path 'l': expected an absolute",
        "pkcs11:token=t;object=k?module-path=/l&pin-source=p | pin-source 'p': expected an absolute",
        "pkcs11:token=t;object=k;serial=1?module-path=/l&pin-source=/p | attribute 'serial'",
        "pkcs11:token=t;object?module-path=/l&pin-source=/p | attribute 'object'",
        "pkcs11:token=a%0Ab;object=k?module-path=/l&pin-source=/p | expected 1 to 255 letters",
      })
  void whatIsWrongWithAUriIsNamed(String uri, String message) {
    assertThatThrownBy(() -> Pkcs11Uri.parse(uri))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }

  @Test
  void aPinInTheUriIsRefusedAndNotRepeated() {
    byte[] content =
        "pkcs11:token=t;object=k?module-path=/l&pin-value=8765".getBytes(StandardCharsets.US_ASCII);

    assertThatThrownBy(() -> CaKey.parse("anchor.key", content))
        .isInstanceOf(PkiException.class)
        .hasMessageStartingWith("anchor.key: PKCS#11 URI: attribute 'pin-value'")
        .hasMessageNotContaining("8765");
  }
}
