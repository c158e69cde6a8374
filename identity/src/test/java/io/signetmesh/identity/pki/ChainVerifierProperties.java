package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class ChainVerifierProperties {
  private static final TestPki PKI = TestPki.create("mesh");
  private static final X509Certificate LEAF = PKI.certificate("web.example").leaf();
  private static final X509Certificate ISSUER = PKI.issuer().getCertificate();

  private final ChainVerifier verifier =
      ChainVerifier.of(PKI.trust(), InstantSource.fixed(TestPki.START));

  @Property(tries = 2000)
  void leafWithOneByteChangedIsNeverTrusted(
      @ForAll @IntRange(max = 10_000) int position,
      @ForAll @IntRange(min = 1, max = 255) int mask) {
    byte[] der = changed(Certificates.der(LEAF), position, mask);

    assertThat(isTrusted(der, Certificates.der(ISSUER))).isFalse();
  }

  @Property(tries = 2000)
  void issuerWithOneByteChangedLeadsNowhere(
      @ForAll @IntRange(max = 10_000) int position,
      @ForAll @IntRange(min = 1, max = 255) int mask) {
    byte[] der = changed(Certificates.der(ISSUER), position, mask);

    assertThat(isTrusted(Certificates.der(LEAF), der)).isFalse();
  }

  @Property
  void anyBytesAreOrdinarilyRefused(@ForAll byte[] bytes) {
    assertThat(isTrusted(bytes, Certificates.der(ISSUER))).isFalse();
  }

  private static byte[] changed(byte[] der, int position, int mask) {
    byte[] changed = der.clone();
    changed[position % changed.length] ^= (byte) mask;
    return changed;
  }

  /** Any other exception than a refusal fails the property. */
  private boolean isTrusted(byte[] leaf, byte[] issuer) {
    try {
      verifier.verify(
          List.of(Certificates.parseDer("leaf", leaf), Certificates.parseDer("issuer", issuer)),
          Purpose.CLIENT);
      return true;
    } catch (PkiException | CertificateException e) {
      return false;
    }
  }
}
