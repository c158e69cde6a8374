package io.signetmesh.e2e.decision;

import io.netty.handler.ssl.SslContext;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.jwt.Thumbprint;
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
import org.jspecify.annotations.Nullable;

/**
 * Leaves with any one name, a DNS name or a URI: the cases need names that no service account has.
 * Those of the trust domain {@value #PARTNER} are of a CA of its own, all others of the mesh's.
 */
final class CaseLeaves {
  /** A trust domain that is federated with the mesh. */
  static final String PARTNER = "partner.example";

  /** A trust domain that is federated as well, and of which no bundle is known yet. */
  static final String PENDING = "pending.example";

  private final Issuer issuer;
  private final Issuer partner;
  private final TrustBundle trust;
  private final Map<String, SslContext> contexts = new HashMap<>();

  /** Certificates by identity, of those whose context has been made. */
  private final Map<String, Thumbprint> certificates = new HashMap<>();

  private CaseLeaves(Issuer issuer, Issuer partner, TrustBundle trust) {
    this.issuer = issuer;
    this.partner = partner;
    this.trust = trust;
  }

  /**
   * Leaves of two CAs.
   *
   * @param state state directory that keeps the mesh's
   * @param partner the CA of {@value #PARTNER}
   */
  static CaseLeaves of(Path state, MeshNames names, EmbeddedAuthority partner) throws Exception {
    EmbeddedAuthority authority =
        EmbeddedAuthority.open(
            state, names.controlPlaneNamespace(), names.trustDomain(), Clock.systemUTC());
    return new CaseLeaves(
        authority.current(),
        partner.current(),
        new TrustBundle(0, names.trustDomain(), List.of(authority.anchor())));
  }

  /**
   * The client's side of mesh TLS.
   *
   * @param identity name to show; null for a client without certificate
   * @param alpn protocols to offer
   */
  SslContext context(@Nullable String identity, List<String> alpn) throws Exception {
    return context(
        identity,
        identity != null && identity.startsWith("spiffe://" + PARTNER + "/") ? partner : issuer,
        alpn);
  }

  /**
   * A name of whomever, in a certificate of a CA that may not vouch for it.
   *
   * @param byPartner of the CA of {@value #PARTNER}, else of the mesh's
   */
  SslContext claimed(String identity, boolean byPartner) throws Exception {
    return context(identity, byPartner ? partner : issuer, List.of());
  }

  /** SHA-256 of the certificate that was made last for a name; null for none. */
  @Nullable Thumbprint certificate(@Nullable String identity) {
    return identity == null ? null : certificates.get(identity);
  }

  private SslContext context(@Nullable String identity, Issuer signer, List<String> alpn)
      throws Exception {
    String key = identity + " " + (signer == partner) + " " + alpn;
    SslContext known = contexts.get(key);
    if (known == null) {
      if (identity == null) {
        known = MeshSslContexts.anonymousClient(trust, alpn, Clock.systemUTC());
      } else {
        WorkloadCertificate leaf = leaf(identity, signer);
        certificates.put(identity, Thumbprint.ofCertificate(leaf.chain().getFirst()));
        known = MeshSslContexts.client(new Credentials(leaf, trust), alpn, Clock.systemUTC());
      }
      contexts.put(key, known);
    }
    return known;
  }

  private WorkloadCertificate leaf(String identity, Issuer signer) throws Exception {
    KeyPair keys = PrivateKeys.generate();
    Instant now = Instant.now();
    GeneralName name =
        new GeneralName(
            identity.contains("://") ? GeneralName.uniformResourceIdentifier : GeneralName.dNSName,
            identity);
    var builder =
        new JcaX509v3CertificateBuilder(
                signer.certificate(),
                BigInteger.valueOf(contexts.size() + 1L),
                Date.from(now.minus(Duration.ofMinutes(1))),
                Date.from(now.plus(Duration.ofHours(1))),
                signer.certificate().getSubjectX500Principal(),
                keys.getPublic())
            .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
            .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
            .addExtension(
                Extension.extendedKeyUsage,
                false,
                new ExtendedKeyUsage(KeyPurposeId.id_kp_clientAuth))
            .addExtension(Extension.subjectAlternativeName, true, new GeneralNames(name));
    X509Certificate leaf =
        new JcaX509CertificateConverter().getCertificate(signer.sign(builder::build));
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(leaf);
    chain.addAll(signer.chain());
    return new WorkloadCertificate(keys.getPrivate(), chain);
  }
}
