package io.signetmesh.rotation;

import java.time.Instant;
import java.util.Map;
import java.util.Set;

/**
 * One leaf in the mesh and whoever holds it, as far as the identity server knows.
 *
 * @param identity DNS name of the workload
 * @param address where its last report came from; empty when it never reported
 * @param serial serial number of the leaf, lower-case hexadecimal; {@link #UNRECORDED} when it
 *     reports a leaf that was not issued to its identity
 * @param presence whether it reports
 * @param seen time of its last report, or of the issuance when it never reported
 * @param trusts digest of the anchors that it trusts ({@link AnchorSet#digest}); empty when unknown
 * @param refusal why it refused the newest bundle; empty when it took it
 * @param anchor fingerprint of the anchor that its leaf was issued under; empty when unknown, and
 *     after a compromise when the issuer was made before it was known
 * @param leafEnd end of validity of the leaf
 * @param peerAnchors the anchors under which the leaves of its live peers verified, each with some
 *     of those peers
 * @param peersLeftOut those of these anchors under which there are more peers than are named
 * @param earlierAnchors fingerprints of anchors that the issuer of the leaf was under before it was
 *     certified again under {@code anchor}: the leaf may need one of them
 */
public record Member(
    String identity,
    String address,
    String serial,
    Presence presence,
    Instant seen,
    String trusts,
    String refusal,
    String anchor,
    Instant leafEnd,
    Map<String, Set<String>> peerAnchors,
    Set<String> peersLeftOut,
    Set<String> earlierAnchors) {
  /**
   * In place of the serial number of a leaf that is not on record: what a workload makes up, and
   * changes at will, is the same leaf for a waiver.
   */
  public static final String UNRECORDED = "unrecorded";

  /** Whether a workload reports what it has in force. */
  public enum Presence {
    /** Its stream is open. */
    LIVE,
    /** It reported once. Its stream has ended, its leaf has not. */
    GONE,
    /**
     * It never reported: a proxy without trust bundle stream, such as Linkerd's, or software with a
     * certificate from the command line. It is taken to trust what it was started with.
     */
    SILENT
  }

  /** Copies the collections. */
  public Member {
    peerAnchors = Map.copyOf(peerAnchors);
    peersLeftOut = Set.copyOf(peersLeftOut);
    earlierAnchors = Set.copyOf(earlierAnchors);
  }

  /** A leaf of an issuer that was under one anchor, and whose holder names all its peers. */
  public Member(
      String identity,
      String address,
      String serial,
      Presence presence,
      Instant seen,
      String trusts,
      String refusal,
      String anchor,
      Instant leafEnd,
      Map<String, Set<String>> peerAnchors) {
    this(
        identity,
        address,
        serial,
        presence,
        seen,
        trusts,
        refusal,
        anchor,
        leafEnd,
        peerAnchors,
        Set.of(),
        Set.of());
  }

  /** Whether its leaf verifies without the anchors that leave, as far as that is known. */
  boolean isWithout(AnchorSet leaving, AnchorSet staying) {
    return staying.contains(anchor) && !leaving.meets(earlierAnchors);
  }

  /** Whether it can take part in a handshake. */
  boolean isValid(Instant now) {
    return now.isBefore(leafEnd);
  }

  /** Name for messages. */
  String name() {
    return address.isEmpty() ? identity : identity + " at " + address;
  }
}
