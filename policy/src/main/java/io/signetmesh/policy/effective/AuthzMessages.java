package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authn.PermitMeshTLS;
import io.linkerd.proxy.inbound.Authn.PermitMeshTLS.PermitClientIdentities;
import io.linkerd.proxy.inbound.Authn.PermitUnauthenticated;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.IdentitySuffix;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.policy.model.IdentityMatch;
import io.signetmesh.policy.model.NetworkMatch;
import io.signetmesh.policy.model.ObjectRef;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Builds authorizations and denials as sent to proxies. All parts are sorted, so that equal grants
 * are equal bytes.
 */
final class AuthzMessages {
  /** All addresses. */
  static final List<NetworkMatch> EVERYWHERE =
      List.of(NetworkMatch.of(Cidr.parse("0.0.0.0/0")), NetworkMatch.of(Cidr.parse("::/0")));

  /** Any client. */
  static final Authn UNAUTHENTICATED =
      Authn.newBuilder().setUnauthenticated(PermitUnauthenticated.getDefaultInstance()).build();

  /** Any client with TLS, verified or not. */
  static final Authn ANY_TLS =
      Authn.newBuilder()
          .setMeshTLS(
              PermitMeshTLS.newBuilder()
                  .setUnauthenticated(PermitUnauthenticated.getDefaultInstance()))
          .build();

  private AuthzMessages() {}

  /** Names of the JWTAuthentications and RegoAuthentications that a request must pass. */
  static final class Conditions {
    final SortedSet<String> tokens = new TreeSet<>();
    final SortedSet<String> bundles = new TreeSet<>();

    /** Leaves out a kind of which there are too many. */
    void bound(String field, List<Grant.Reason> reasons) {
      bound("JWTAuthentications", tokens, TokenGrants.MAX_TOKENS, field, reasons);
      bound("RegoAuthentications", bundles, RegoGrants.MAX_BUNDLES, field, reasons);
    }

    private static void bound(
        String kinds, Set<String> names, int most, String field, List<Grant.Reason> reasons) {
      if (names.size() > most) {
        reasons.add(
            new Grant.Reason(
                Grant.Problem.BAD_AUTHENTICATIONS,
                field,
                "requiredAuthenticationRefs name "
                    + names.size()
                    + " "
                    + kinds
                    + ": expected at most "
                    + most));
        names.clear();
      }
    }
  }

  /**
   * What an object grants or denies.
   *
   * @param conditions what must be passed as well
   */
  static Authz resource(
      ObjectRef ref,
      String kind,
      Collection<NetworkMatch> networks,
      Authn authentication,
      Conditions conditions) {
    return Authz.newBuilder()
        .addAllNetworks(wire(networks))
        .setAuthentication(authentication)
        .putLabels("group", ref.kind().group())
        .putLabels("kind", kind)
        .putLabels("name", ref.name())
        .setMetadata(
            Metadata.newBuilder()
                .setResource(
                    Resource.newBuilder()
                        .setGroup(ref.kind().group())
                        .setKind(kind)
                        .setName(ref.name())
                        .setNamespace(ref.namespace())))
        .addAllSignetTokens(conditions.tokens)
        .addAllSignetRego(conditions.bundles)
        .build();
  }

  /** What a default policy grants, or the permission of probes. */
  static Authz synthetic(String name, Collection<NetworkMatch> networks, Authn authentication) {
    return Authz.newBuilder()
        .addAllNetworks(wire(networks))
        .setAuthentication(authentication)
        .putLabels("group", "")
        .putLabels("kind", "default")
        .putLabels("name", name)
        .setMetadata(Metadata.newBuilder().setDefault(name))
        .build();
  }

  private static List<Network> wire(Collection<NetworkMatch> networks) {
    return networks.stream()
        .sorted()
        .filter(network -> !network.isVoid())
        .map(
            network ->
                Network.newBuilder()
                    .setNet(ServerMessages.network(network.network()))
                    .addAllExcept(network.except().stream().map(ServerMessages::network).toList())
                    .build())
        .distinct()
        .toList();
  }

  /** Mesh TLS with one of these identities. */
  static Authn identities(Collection<IdentityMatch> matches) {
    SortedSet<String> exact = new TreeSet<>();
    SortedSet<String> suffixes = new TreeSet<>();
    for (IdentityMatch match : matches) {
      switch (match) {
        case IdentityMatch.Exact(String identity) -> exact.add(identity);
        case IdentityMatch.Suffix(List<String> labels) -> suffixes.add(String.join(".", labels));
      }
    }
    PermitClientIdentities.Builder permitted = PermitClientIdentities.newBuilder();
    exact.forEach(name -> permitted.addIdentities(Identity.newBuilder().setName(name)));
    for (String suffix : suffixes) {
      permitted.addSuffixes(
          suffix.isEmpty()
              ? IdentitySuffix.getDefaultInstance()
              : IdentitySuffix.newBuilder().addAllParts(List.of(suffix.split("\\.", -1))).build());
    }
    return Authn.newBuilder()
        .setMeshTLS(PermitMeshTLS.newBuilder().setIdentities(permitted))
        .build();
  }
}
