package io.signetmesh.identity.pki;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.CertificateBuilder.KeyUsage;
import io.netty.pkitesting.X509Bundle;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.UnaryOperator;

/** A CA of two levels for tests: anchor, issuer under it, leaves. */
public final class TestPki {
  public static final String TRUST_DOMAIN = "cluster.local";
  public static final Instant START = Instant.now().truncatedTo(ChronoUnit.SECONDS);

  private final X509Bundle anchor;
  private final X509Bundle issuer;

  private TestPki(X509Bundle anchor, X509Bundle issuer) {
    this.anchor = anchor;
    this.issuer = issuer;
  }

  public static TestPki create(String name) {
    X509Bundle anchor = selfSigned(ca("CN=" + name + " anchor", 1));
    return new TestPki(anchor, issued(ca("CN=" + name + " issuer", 0), anchor));
  }

  /** A CA certificate valid from an hour ago for a day. */
  public static CertificateBuilder ca(String subject, int pathLength) {
    return new CertificateBuilder()
        .ecp256()
        .subject(subject)
        .notBefore(START.minus(1, ChronoUnit.HOURS))
        .notAfter(START.plus(24, ChronoUnit.HOURS))
        .setIsCertificateAuthority(true)
        .setPathLengthConstraint(OptionalInt.of(pathLength))
        .setKeyUsage(true, KeyUsage.keyCertSign, KeyUsage.cRLSign);
  }

  /** A leaf valid from an hour ago for an hour, for both sides of TLS. */
  public static CertificateBuilder leaf(String... dnsNames) {
    CertificateBuilder builder =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=workload")
            .notBefore(START.minus(1, ChronoUnit.HOURS))
            .notAfter(START.plus(1, ChronoUnit.HOURS))
            .setKeyUsage(true, KeyUsage.digitalSignature)
            .addExtendedKeyUsageServerAuth()
            .addExtendedKeyUsageClientAuth();
    Arrays.asList(dnsNames).forEach(builder::addSanDnsName);
    return builder;
  }

  public static X509Bundle selfSigned(CertificateBuilder builder) {
    try {
      return builder.buildSelfSigned();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  public static X509Bundle issued(CertificateBuilder builder, X509Bundle by) {
    try {
      return builder.buildIssuedBy(by);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  public X509Bundle anchor() {
    return anchor;
  }

  public X509Bundle issuer() {
    return issuer;
  }

  public TrustBundle trust() {
    return new TrustBundle(1, TRUST_DOMAIN, List.of(anchor.getCertificate()));
  }

  public WorkloadCertificate certificate(String dnsName) {
    return certificate(dnsName, UnaryOperator.identity());
  }

  public WorkloadCertificate certificate(
      String dnsName, UnaryOperator<CertificateBuilder> changes) {
    X509Bundle leaf = issued(changes.apply(leaf(dnsName)), issuer);
    return new WorkloadCertificate(leaf.getKeyPair().getPrivate(), chain(leaf));
  }

  /** Leaf and issuer, without the anchor. */
  public List<X509Certificate> chain(X509Bundle leaf) {
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(leaf.getCertificate());
    chain.add(issuer.getCertificate());
    return chain;
  }

  public Credentials credentials(String dnsName) {
    return new Credentials(certificate(dnsName), trust());
  }
}
