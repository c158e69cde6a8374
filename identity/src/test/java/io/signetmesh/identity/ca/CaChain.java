package io.signetmesh.identity.ca;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.CertificateBuilder.Algorithm;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** An anchor, CAs below it and an issuer at the end, of any kinds of keys. */
public final class CaChain {
  private final X509Bundle anchor;
  private final List<X509Bundle> below;

  private CaChain(X509Bundle anchor, List<X509Bundle> below) {
    this.anchor = anchor;
    this.below = below;
  }

  /**
   * A chain of one kind of key.
   *
   * @param depth CA certificates below the anchor, from 1: the issuer alone
   */
  public static CaChain of(String name, Algorithm algorithm, int depth) {
    return of(name, algorithm, depth, UnaryOperator.identity());
  }

  /** A chain whose issuer is changed. */
  public static CaChain of(
      String name, Algorithm algorithm, int depth, UnaryOperator<CertificateBuilder> issuer) {
    X509Bundle anchor =
        TestPki.selfSigned(TestPki.ca("CN=" + name + " anchor", depth).algorithm(algorithm));
    List<X509Bundle> below = new ArrayList<>();
    for (int i = 1; i <= depth; i++) {
      CertificateBuilder ca = TestPki.ca("CN=" + name + " CA " + i, depth - i).algorithm(algorithm);
      below.add(
          TestPki.issued(
              i == depth ? issuer.apply(ca) : ca, below.isEmpty() ? anchor : below.getLast()));
    }
    return new CaChain(anchor, below);
  }

  /** Another issuer under the same anchor. */
  public CaChain reissued(String name) {
    return reissued(name, UnaryOperator.identity());
  }

  /** Another issuer under the same anchor, changed. */
  public CaChain reissued(String name, UnaryOperator<CertificateBuilder> issuer) {
    return new CaChain(
        anchor,
        List.of(TestPki.issued(issuer.apply(TestPki.ca("CN=" + name + " issuer", 0)), anchor)));
  }

  public X509Certificate anchor() {
    return anchor.getCertificate();
  }

  public X509Bundle anchorBundle() {
    return anchor;
  }

  public TrustBundle trust() {
    return new TrustBundle(1, TestPki.TRUST_DOMAIN, List.of(anchor()));
  }

  public Issuer issuer() throws PkiException {
    return Issuer.of("test", below.getLast().getKeyPair().getPrivate(), chain());
  }

  /** Issuer first, without the anchor. */
  public List<X509Certificate> chain() {
    return below.reversed().stream().map(X509Bundle::getCertificate).toList();
  }

  public String anchorPem() {
    return Certificates.toPem(List.of(anchor()));
  }

  public String chainPem() {
    return Certificates.toPem(chain());
  }

  public String keyPem() {
    return PrivateKeys.toPem(below.getLast().getKeyPair().getPrivate());
  }

  public X509Bundle issuerBundle() {
    return below.getLast();
  }
}
