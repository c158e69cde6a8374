package io.signetmesh.identity.pki;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What peers are verified against. SPIFFE ids of a foreign trust domain verify only against the
 * bundle of that domain, and that bundle verifies no other names.
 *
 * @param own bundle of the own trust domain
 * @param federated bundles of foreign trust domains, one for each
 * @param revoked certificates and identities that are refused although they verify
 * @param foreignDomains names of foreign trust domains, lower case: the own anchors never vouch for
 *     their SPIFFE ids, even while no bundle of the domain is in force
 * @param retiredAnchors SHA-256 fingerprints, lower-case hexadecimal, of anchors of the own trust
 *     domain that were retired in good order; they vouch for nothing, but live connections that
 *     were verified under them go on
 */
public record PeerTrust(
    TrustBundle own,
    List<TrustBundle> federated,
    RevocationList revoked,
    Set<String> foreignDomains,
    Set<String> retiredAnchors) {

  /** Trust in which each foreign trust domain has a bundle, and no anchor was retired. */
  public PeerTrust(TrustBundle own, List<TrustBundle> federated, RevocationList revoked) {
    this(own, federated, revoked, Set.of(), Set.of());
  }

  /** Refuses two bundles of one trust domain, and the own trust domain as a foreign one. */
  public PeerTrust {
    federated = List.copyOf(federated);
    foreignDomains = Set.copyOf(foreignDomains);
    retiredAnchors = Set.copyOf(retiredAnchors);
    if (foreignDomains.contains(own.trustDomain())) {
      throw new IllegalArgumentException(
          "trust domain " + own.trustDomain() + " is the own one: expected foreign ones");
    }
    Set<String> domains = new HashSet<>(Set.of(own.trustDomain()));
    for (TrustBundle bundle : federated) {
      if (!domains.add(bundle.trustDomain())) {
        throw new IllegalArgumentException(
            "two trust bundles of trust domain " + bundle.trustDomain() + ": expected one");
      }
    }
  }

  /** Only the own trust domain, and nothing revoked. */
  public static PeerTrust of(TrustBundle own) {
    return new PeerTrust(own, List.of(), RevocationList.NONE);
  }

  /** The same with another bundle of the own trust domain. */
  public PeerTrust withOwn(TrustBundle bundle) {
    return new PeerTrust(bundle, federated, revoked, foreignDomains, retiredAnchors);
  }

  /** The same with other foreign trust domains. */
  public PeerTrust withFederated(List<TrustBundle> bundles) {
    return new PeerTrust(own, bundles, revoked, foreignDomains, retiredAnchors);
  }

  /** The same with another revocation list. */
  public PeerTrust withRevoked(RevocationList list) {
    return new PeerTrust(own, federated, list, foreignDomains, retiredAnchors);
  }

  /** The same with other names of foreign trust domains. */
  public PeerTrust withForeignDomains(Set<String> names) {
    return new PeerTrust(own, federated, revoked, names, retiredAnchors);
  }

  /** The same with other retired anchors. */
  public PeerTrust withRetiredAnchors(Set<String> fingerprints) {
    return new PeerTrust(own, federated, revoked, foreignDomains, fingerprints);
  }

  /**
   * The first foreign trust domain that a name of the identity claims, in any spelling; empty when
   * the own anchors may vouch for the identity.
   */
  public Optional<String> foreignDomain(PeerIdentity identity) {
    if (federated.isEmpty() && foreignDomains.isEmpty()) {
      return Optional.empty();
    }
    return identity.names().stream()
        .flatMap(name -> ChainVerifier.trustDomain(name).stream())
        .filter(domain -> foreignDomains.contains(domain) || federated(domain).isPresent())
        .findFirst();
  }

  /** The bundle of a foreign trust domain; empty when there is none. */
  public Optional<TrustBundle> federated(String trustDomain) {
    return federated.stream().filter(b -> b.trustDomain().equals(trustDomain)).findFirst();
  }
}
