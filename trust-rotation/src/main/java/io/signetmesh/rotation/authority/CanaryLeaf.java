package io.signetmesh.rotation.authority;

import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.RequestRefusedException;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.server.OperatorContext;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.Rotation;
import java.io.IOException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A leaf that is issued as a test and verified by everybody's trust, before others get theirs. */
final class CanaryLeaf {
  private final OperatorContext server;

  CanaryLeaf(OperatorContext server) {
    this.server = server;
  }

  /**
   * Why a leaf that is issued now does not verify where it has to; empty when it does.
   *
   * @param bundle anchors in force
   * @param known the anchors of the rotation by fingerprint
   */
  String failure(Rotation rotation, AnchorSet bundle, Map<String, X509Certificate> known)
      throws IOException, PkiException {
    List<AnchorSet> audiences =
        new ArrayList<>(List.of(rotation.onTheWay(bundle), rotation.staying()));
    if (rotation.isCrossSigning()) {
      // A straggler.
      audiences.add(rotation.before());
    }
    CertificateAuthority authority = server.authority();
    List<X509Certificate> chain;
    try {
      chain =
          authority.issue(
              server.identity(),
              SigningRequest.parse(
                  SigningRequest.create(server.identity().dnsName(), PrivateKeys.generate())));
    } catch (RequestRefusedException e) {
      return "a leaf cannot be issued: " + e.getMessage();
    }
    for (AnchorSet audience : audiences) {
      List<X509Certificate> anchors = new ArrayList<>();
      for (String fingerprint : audience) {
        X509Certificate certificate = known.get(fingerprint);
        if (certificate == null) {
          return "the certificate of anchor " + fingerprint + " is lost";
        }
        anchors.add(certificate);
      }
      try {
        for (ChainVerifier.Purpose purpose : ChainVerifier.Purpose.values()) {
          ChainVerifier.of(
                  new TrustBundle(1, server.identity().trustDomain(), anchors), server.clock())
              .verify(chain, purpose);
        }
      } catch (CertificateException e) {
        return "a new leaf does not verify under " + audience + ": " + e.getMessage();
      }
    }
    return "";
  }
}
