package io.signetmesh.proxy;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.CertificateBuilder.ExtendedKeyUsage;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.audit.HeadSigner;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import java.security.Signature;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Heads are signed by the leaf that the workload has now. */
final class LeafHeadsTest {
  private static final Instant START = Instant.parse("2026-11-30T10:00:00Z");
  private static final byte[] STATEMENT = "signet-audit-head-v1\n".getBytes(US_ASCII);

  private Instant now = START;
  private @Nullable Credentials newest;
  private final LeafHeads heads = new LeafHeads(() -> newest, () -> now);
  private @Nullable X509Bundle anchor;

  @BeforeEach
  void makeAnchor() throws Exception {
    anchor =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=anchor")
            .notBefore(START)
            .notAfter(START.plusSeconds(86_400))
            .setIsCertificateAuthority(true)
            .buildSelfSigned();
  }

  private Credentials leaf(Instant begins) throws Exception {
    return leaf("web", begins);
  }

  private Credentials leaf(String name, Instant begins) throws Exception {
    X509Bundle issuer = requireNonNull(anchor);
    X509Bundle leaf =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=" + name)
            .addSanDnsName(name + ".shop.serviceaccount.identity.linkerd.cluster.local")
            .addExtendedKeyUsage(ExtendedKeyUsage.PKIX_KP_CLIENT_AUTH)
            .notBefore(begins)
            .notAfter(begins.plusSeconds(60))
            .buildIssuedBy(issuer);
    return new Credentials(
        new WorkloadCertificate(leaf.getKeyPair().getPrivate(), List.of(leaf.getCertificate())),
        new TrustBundle(1, "cluster.local", List.of(issuer.getCertificate())));
  }

  private static void expectSigned(HeadSigner.@Nullable Signed signed, Credentials by)
      throws Exception {
    assertThat(signed).isNotNull();
    assertThat(requireNonNull(signed).certificates())
        .containsExactly(by.certificate().leaf().getEncoded());
    Signature check = Signature.getInstance("SHA256withECDSA");
    check.initVerify(by.certificate().leaf().getPublicKey());
    check.update(STATEMENT);
    assertThat(check.verify(signed.signature())).isTrue();
  }

  @Test
  void signsNothingBeforeTheFirstLeaf() {
    assertThat(heads.sign(STATEMENT)).isNull();
  }

  @Test
  void followsTheRenewalOfTheLeaf() throws Exception {
    Credentials first = leaf(START);
    newest = first;
    expectSigned(heads.sign(STATEMENT), first);

    Credentials second = leaf(START.plusSeconds(40));
    newest = second;
    now = START.plusSeconds(41);
    expectSigned(heads.sign(STATEMENT), second);
  }

  /** Also one by a leaf that has ended since, and none by another workload of the mesh. */
  @Test
  void acceptsHeadsOfTheSameIdentityOnly() throws Exception {
    newest = leaf(START);
    HeadSigner.Signed own = requireNonNull(heads.sign(STATEMENT));
    newest = leaf("api", START);
    HeadSigner.Signed other = requireNonNull(heads.sign(STATEMENT));
    newest = leaf(START.plusSeconds(100));
    now = START.plusSeconds(101);

    Instant then = START.plusSeconds(1);
    assertThat(heads.accepts(STATEMENT, own.signature(), own.certificates(), then)).isTrue();
    assertThat(heads.accepts(STATEMENT, own.signature(), own.certificates(), now)).isFalse();
    assertThat(heads.accepts(STATEMENT, other.signature(), other.certificates(), then)).isFalse();
    assertThat(heads.accepts(STATEMENT, other.signature(), own.certificates(), then)).isFalse();
    newest = null;
    assertThat(heads.accepts(STATEMENT, own.signature(), own.certificates(), then)).isFalse();
  }

  /** Nobody would take such a head: the next one, by the next leaf, covers what this one would. */
  @Test
  void signsNothingByALeafThatHasEndedOrNotBegun() throws Exception {
    newest = leaf(START);
    now = START.plusSeconds(61);
    assertThat(heads.sign(STATEMENT)).isNull();
    now = START.minusSeconds(1);
    assertThat(heads.sign(STATEMENT)).isNull();
  }
}
