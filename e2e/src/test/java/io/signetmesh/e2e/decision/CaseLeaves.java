package io.signetmesh.e2e.decision;

import io.netty.handler.ssl.SslContext;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.ca.EmbeddedAuthority;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/**
 * Leaves of the mesh's CA with any one name, a DNS name or a URI: the cases need names that no
 * service account has.
 */
final class CaseLeaves {
  private final Issuer issuer;
  private final TrustBundle trust;
  private final Map<String, SslContext> contexts = new HashMap<>();

  private CaseLeaves(Issuer issuer, TrustBundle trust) {
    this.issuer = issuer;
    this.trust = trust;
  }

  /** Leaves of the CA that a state directory keeps. */
  static CaseLeaves of(Path state, MeshNames names) throws Exception {
    EmbeddedAuthority authority =
        EmbeddedAuthority.open(
            state, names.controlPlaneNamespace(), names.trustDomain(), Clock.systemUTC());
    return new CaseLeaves(
        authority.current(), new TrustBundle(0, names.trustDomain(), List.of(authority.anchor())));
  }

  /**
   * The client's side of mesh TLS.
   *
   * @param identity name to show; null for a client without certificate
   * @param alpn protocols to offer
   */
  SslContext context(@Nullable String identity, List<String> alpn) throws Exception {
    String key = identity + " " + alpn;
    SslContext known = contexts.get(key);
    if (known == null) {
      known =
          identity == null
              ? MeshSslContexts.anonymousClient(trust, alpn, Clock.systemUTC())
              : MeshSslContexts.client(
                  new Credentials(leaf(identity), trust), alpn, Clock.systemUTC());
      contexts.put(key, known);
    }
    return known;
  }

  private WorkloadCertificate leaf(String identity) throws Exception {
    KeyPair keys = PrivateKeys.generate();
    Instant now = Instant.now();
    GeneralName name =
        new GeneralName(
            identity.contains("://") ? GeneralName.uniformResourceIdentifier : GeneralName.dNSName,
            identity);
    var builder =
        new JcaX509v3CertificateBuilder(
                issuer.certificate(),
                BigInteger.valueOf(contexts.size() + 1L),
                Date.from(now.minus(Duration.ofMinutes(1))),
                Date.from(now.plus(Duration.ofHours(1))),
                issuer.certificate().getSubjectX500Principal(),
                keys.getPublic())
            .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
            .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
            .addExtension(
                Extension.extendedKeyUsage,
                false,
                new ExtendedKeyUsage(KeyPurposeId.id_kp_clientAuth))
            .addExtension(Extension.subjectAlternativeName, true, new GeneralNames(name));
    X509Certificate leaf =
        new JcaX509CertificateConverter()
            .getCertificate(
                builder.build(
                    new JcaContentSignerBuilder("SHA256withECDSA").build(issuer.privateKey())));
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(leaf);
    chain.addAll(issuer.chain());
    return new WorkloadCertificate(keys.getPrivate(), chain);
  }
}
