package io.signetmesh.rotation;

import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.source.Pkcs11Token;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The trust of a mesh, as a rotation sees and changes it. Each act says what is to be true
 * afterwards: doing it again changes nothing, so that an act that was cut short by a crash is
 * repeated. An act that throws may have been done in part.
 */
public interface TrustAuthority {
  /**
   * What is true now.
   *
   * @param rotation decides what counts: the anchors that it is about
   */
  Situation observe(Rotation rotation) throws IOException, PkiException;

  /** Why anchors cannot be replaced here; empty when they can. */
  String cannotRotate();

  /**
   * Why the anchor above the issuer in force cannot sign anything; empty when it can. A key in a
   * token is tried out.
   */
  String cannotVouch() throws IOException;

  /**
   * Why no other issuer can be made under the anchor above the one in force, when these anchors are
   * compromised; empty when it can, or need not be made. A key in a token is tried out.
   */
  String cannotReplaceIssuer(AnchorSet compromised) throws IOException, PkiException;

  /**
   * Why no issuer can be made under the anchors that stay in a rotation which is after a compromise
   * or about to be; empty when it can, or need not be made. A key in a token is tried out.
   */
  String cannotIssue(Rotation rotation);

  /** The anchors in force. */
  List<X509Certificate> anchors();

  /**
   * The anchors in force, if no change of them is on its way.
   *
   * @throws RotationRefusedException when the files of the CA hold others
   */
  AnchorSet inForce() throws IOException, PkiException;

  /**
   * Digests of anchors that must not come into force again, lower-case hexadecimal: SHA-256 of the
   * DER of the certificate, and of the public key.
   */
  Set<String> retired();

  /** The chain of the issuer in force: issuer first, without the anchor. */
  List<X509Certificate> issuer() throws IOException, PkiException;

  /** Fingerprint of the anchor above the issuer in force; empty when it leads to none. */
  String issuerAnchor() throws IOException, PkiException;

  /**
   * Fingerprints of anchors that the issuer in force was under before somebody certified it again,
   * as far as leaves that it signed then do not verify under its last anchor.
   */
  Set<String> earlierIssuerAnchors() throws IOException, PkiException;

  /** All leaves that have not expired and are not known to be unused. */
  List<Member> fleet();

  /** The same for a report: what was found for the last {@link #observe}, if that is recent. */
  default List<Member> recentFleet() {
    return fleet();
  }

  /**
   * Workloads that proved their identity by a join token, which is used up: only their leaf proves
   * it now.
   */
  Set<String> withoutToken();

  /**
   * How long a new leaf is valid: the longest time that a workload which went away is waited for.
   */
  Duration leafLife();

  /**
   * Makes an anchor of the mesh.
   *
   * @param life from now
   */
  NewAnchor makeAnchor(KeyKind kind, Duration life) throws PkiException;

  /**
   * Finds an anchor whose key is in a PKCS#11 token.
   *
   * @return null when the token has no object with the label
   * @throws PkiException when the token cannot be used, or the object is no anchor
   */
  @Nullable NewAnchor findAnchor(Pkcs11Token.Config place) throws PkiException;

  /**
   * Makes an anchor of the mesh whose key is generated in a PKCS#11 token, and stays there.
   *
   * @param life from now
   * @throws PkiException when the token has an object with the label, or cannot make the key
   */
  NewAnchor makeAnchor(Pkcs11Token.Config place, KeyKind kind, Duration life) throws PkiException;

  /**
   * Keeps the keys of a new anchor for a rotation.
   *
   * @param rotation id of the rotation
   * @throws IOException when they cannot be stored
   */
  void adopt(String rotation, NewAnchor anchor) throws IOException, PkiException;

  /**
   * Keeps the certificates of anchors that have left for a rotation after their compromise.
   *
   * @param rotation id of the rotation
   * @param from ids of the earlier rotations
   * @throws PkiException when one is not kept any more
   */
  void adoptLeft(String rotation, AnchorSet left, Collection<String> from)
      throws IOException, PkiException;

  /** The anchors of a rotation that has ended, as far as their certificates are still kept. */
  AnchorSet kept(String rotation) throws IOException, PkiException;

  /** The certificates of the anchors of rotations, as far as they are still kept. */
  List<X509Certificate> keptCertificates(Collection<String> rotations)
      throws IOException, PkiException;

  /** Deletes what a rotation that has ended has left, but the certificates of its anchors. */
  void end(String rotation) throws IOException, PkiException;

  /** Deletes all that is kept for a rotation that has not begun, or has ended. */
  void discard(String rotation) throws IOException;

  /**
   * Puts a bundle of exactly these anchors in force.
   *
   * @throws RotationRefusedException when that would undo what somebody changed by hand; nothing
   *     has changed
   */
  void publish(Rotation rotation, AnchorSet anchors) throws IOException, PkiException;

  /**
   * Puts an issuer under the one of these anchors whose key is known in force. After a compromise
   * it is one that was made since that is known.
   *
   * @param crossSign whether to send along a certificate by which the anchors that leave vouch for
   *     that anchor
   */
  void issueUnder(Rotation rotation, AnchorSet anchors, boolean crossSign)
      throws IOException, PkiException;

  /** Asks all workloads with a leaf of another issuer to renew it within that time. */
  void askRenewal(Rotation rotation, Duration window);

  /**
   * Revokes the anchors that leave and all known issuers but those under anchors that stay; those
   * under an unknown anchor, and those from before the compromise, too.
   */
  void revoke(Rotation rotation) throws IOException, PkiException;

  /** Deletes the keys of the anchors that have left, and ends what {@link #askRenewal} began. */
  void settle(Rotation rotation) throws IOException, PkiException;
}
