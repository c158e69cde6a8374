package io.signetmesh.rotation.server;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** Somebody who has copied the key of the issuer, and renews by forged leaves. */
final class Thief {
  private final EmbeddedAuthority.Ca stolen;
  private final WorkloadIdentity victim;
  private final ControlLoops loops;

  Thief(EmbeddedAuthority.Ca stolen, WorkloadIdentity victim, ControlLoops loops) {
    this.stolen = stolen;
    this.victim = victim;
    this.loops = loops;
  }

  /**
   * A leaf of the victim by the stolen key.
   *
   * @param serial that of a leaf which the victim shows to its peers
   */
  Credentials forgedLeaf(BigInteger serial) throws Exception {
    KeyPair keys = PrivateKeys.generate();
    Instant now = Instant.now();
    X509v3CertificateBuilder builder =
        new X509v3CertificateBuilder(
            X500Name.getInstance(stolen.chain().getFirst().getSubjectX500Principal().getEncoded()),
            serial,
            Date.from(now.minusSeconds(60)),
            Date.from(now.plusSeconds(3600)),
            new X500Name("CN=forged"),
            SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()));
    builder
        .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
        .addExtension(
            Extension.extendedKeyUsage,
            false,
            new ExtendedKeyUsage(
                new KeyPurposeId[] {KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth}))
        .addExtension(
            Extension.subjectAlternativeName,
            false,
            new GeneralNames(
                new GeneralName[] {
                  new GeneralName(GeneralName.dNSName, victim.dnsName()),
                  new GeneralName(GeneralName.uniformResourceIdentifier, victim.spiffeId())
                }));
    byte[] der =
        builder
            .build(new JcaContentSignerBuilder("SHA256withECDSA").build(stolen.issuerKey()))
            .getEncoded();
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(Certificates.parseDer("forged leaf", der));
    chain.addAll(stolen.chain());
    return credentials(new WorkloadCertificate(keys.getPrivate(), chain));
  }

  private Credentials credentials(WorkloadCertificate certificate) {
    return new Credentials(certificate, new TrustBundle(1, victim.trustDomain(), stolen.anchors()));
  }

  /**
   * Renews by a leaf.
   *
   * @param anchors those of the mesh, which are no secret
   * @return what the identity server gave; empty when it refused
   */
  Optional<Credentials> renew(Credentials by, int port, List<X509Certificate> anchors)
      throws PkiException {
    List<X509Certificate> all = new ArrayList<>(stolen.anchors());
    anchors.stream().filter(anchor -> !all.contains(anchor)).forEach(all::add);
    Credentials shown =
        new Credentials(by.certificate(), new TrustBundle(1, victim.trustDomain(), all));
    ManagedChannel channel =
        ControlChannel.open(
            new ControlChannel.Address("127.0.0.1", port),
            RotationServer.SERVER.dnsName(),
            () -> shown,
            Clock.systemUTC(),
            loops);
    KeyPair keys = PrivateKeys.generate();
    try {
      CertifyResponse answer =
          IdentityGrpc.newBlockingStub(channel)
              .withDeadlineAfter(10, TimeUnit.SECONDS)
              .certify(
                  CertifyRequest.newBuilder()
                      .setIdentity(victim.dnsName())
                      .setCertificateSigningRequest(
                          ByteString.copyFrom(SigningRequest.create(victim.dnsName(), keys)))
                      .build());
      List<X509Certificate> chain = new ArrayList<>();
      chain.add(Certificates.parseDer("leaf", answer.getLeafCertificate().toByteArray()));
      for (ByteString der : answer.getIntermediateCertificatesList()) {
        chain.add(Certificates.parseDer("issuer", der.toByteArray()));
      }
      return Optional.of(credentials(new WorkloadCertificate(keys.getPrivate(), chain)));
    } catch (StatusRuntimeException e) {
      return Optional.empty();
    } finally {
      channel.shutdownNow();
    }
  }
}
