package io.signetmesh.identity.pki.crl;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TestPki;
import java.math.BigInteger;
import java.util.List;
import java.util.stream.Stream;
import javax.security.auth.x500.X500Principal;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class CrlFuzzTest {
  private static final TestPki PKI = TestPki.create("fuzz");

  static Stream<Arguments> lists() {
    CrlWriter.Entry foreign =
        TestCrls.entry(
            new X500Principal("CN=other"), BigInteger.TEN, RevocationReason.CERTIFICATE_HOLD);
    return Stream.of(
            TestCrls.full(PKI, 1, List.of(PKI.certificate("web.example").leaf())),
            TestCrls.sign(
                PKI,
                TestCrls.content(
                    2, 1, TestPki.START, List.of(foreign), List.of("a.b"), List.of("c.d"))))
        .map(der -> Arguments.of((Object) der));
  }

  /** Whatever comes, the outcome is a list or an ordinary refusal. */
  @MethodSource("lists")
  @FuzzTest(maxDuration = "10m")
  void bytesOfACrl(byte[] der) {
    try {
      Crl crl = Crl.parse("fuzz", der);
      crl.onto(RevocationList.NONE.change().build(crl.base()));
      crl.verify(PKI.issuer().getCertificate());
    } catch (PkiException e) {
      // Refused, as it should be.
    }
  }
}
