package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.linkerd.proxy.identity.CertifyResponse;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Answers during a rotation of anchors: the old anchor vouches for the new one. */
class CertifyAnswerTest {
  private static final String WEB = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final Instant LEAF_END = TestPki.START.plus(Duration.ofHours(1));

  private final X509Bundle old = TestPki.selfSigned(TestPki.ca("CN=root", 1));
  private final X509Bundle next = TestPki.selfSigned(TestPki.ca("CN=root", 1));
  private final X509Bundle issuer = TestPki.issued(TestPki.ca("CN=issuer", 0), next);
  private final X509Bundle leaf = TestPki.issued(TestPki.leaf(WEB), issuer);

  private X509Certificate cross(Instant until) {
    return TestPki.issued(TestPki.ca("CN=root", 1).notAfter(until).keyPair(next.getKeyPair()), old)
        .getCertificate();
  }

  private CertifyAnswer check(X509Certificate cross, X509Bundle... anchors) throws PkiException {
    CertifyResponse response =
        CertifyResponse.newBuilder()
            .setLeafCertificate(ByteString.copyFrom(Certificates.der(leaf.getCertificate())))
            .addIntermediateCertificates(
                ByteString.copyFrom(Certificates.der(issuer.getCertificate())))
            .addIntermediateCertificates(ByteString.copyFrom(Certificates.der(cross)))
            .setValidUntil(Timestamp.newBuilder().setSeconds(LEAF_END.getEpochSecond()))
            .build();
    TrustBundle trust =
        new TrustBundle(
            1,
            TestPki.TRUST_DOMAIN,
            List.of(anchors).stream().map(X509Bundle::getCertificate).toList());
    return CertifyAnswer.check(
        response, WEB, leaf.getKeyPair(), trust, InstantSource.fixed(TestPki.START));
  }

  @Test
  void wholeChainIsServedWhoeverIsTrusted() throws Exception {
    X509Certificate cross = cross(TestPki.START.plus(Duration.ofHours(2)));
    for (X509Bundle[] anchors :
        List.of(
            new X509Bundle[] {old},
            new X509Bundle[] {next},
            new X509Bundle[] {old, next},
            new X509Bundle[] {next, old})) {
      CertifyAnswer answer = check(cross, anchors);

      assertThat(answer.certificate().chain())
          .containsExactly(leaf.getCertificate(), issuer.getCertificate(), cross);
      assertThat(answer.validUntil()).isEqualTo(LEAF_END);
    }
  }

  /** Who knows the new anchor does not need the certificate by the old one. */
  @Test
  void certificateByTheOldAnchorEndsTheLeafOnlyWhereItIsNeeded() throws Exception {
    Instant soon = TestPki.START.plus(Duration.ofMinutes(5));
    assertThat(check(cross(soon), old, next).validUntil()).isEqualTo(LEAF_END);
    assertThat(check(cross(soon), old).validUntil()).isEqualTo(soon);

    X509Certificate expired = cross(TestPki.START.minusSeconds(1));
    assertThat(check(expired, old, next).validUntil()).isEqualTo(LEAF_END);
    assertThatThrownBy(() -> check(expired, old)).isInstanceOf(PkiException.class);
  }
}
