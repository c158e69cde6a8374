package io.signetmesh.policy.lint;

import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authn.PermitMeshTLS.PermitClientIdentities;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.IdentitySuffix;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.net.IPNetwork;
import io.signetmesh.policy.effective.WireNetworks;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Whether one authorization matches every client that another one matches. */
final class Coverage {
  private static final int MAX_PAIRS = 64;
  private static final int MAX_IDENTITIES = 256;
  private static final int MAX_EXCEPTIONS = 16;

  private Coverage() {}

  private static int size(Authz authz) {
    PermitClientIdentities identities = authz.getAuthentication().getMeshTLS().getIdentities();
    return identities.getIdentitiesCount() + identities.getSuffixesCount();
  }

  /**
   * Whether the wide one covers the narrow one. False as well when the answer is not certain or
   * takes much work.
   */
  static boolean covers(Authz wide, Authz narrow) {
    // Who has passed more has passed less, too.
    if (!narrow.getSignetTokensList().containsAll(wide.getSignetTokensList())
        || !narrow.getSignetRegoList().containsAll(wide.getSignetRegoList())) {
      return false;
    }
    if ((long) wide.getNetworksCount() * narrow.getNetworksCount() > MAX_PAIRS
        || size(wide) > MAX_IDENTITIES
        || size(narrow) > MAX_IDENTITIES
        || wide.getNetworksList().stream().anyMatch(one -> one.getExceptCount() > MAX_EXCEPTIONS)
        || narrow.getNetworksList().stream()
            .anyMatch(one -> one.getExceptCount() > MAX_EXCEPTIONS)) {
      return false;
    }
    return covers(wide.getAuthentication(), narrow.getAuthentication())
        && narrow.getNetworksList().stream()
            .allMatch(
                network ->
                    wide.getNetworksList().stream().anyMatch(other -> covers(other, network)));
  }

  private static boolean covers(Network wide, Network narrow) {
    if (!WireNetworks.contains(wide.getNet(), narrow.getNet())) {
      return false;
    }
    for (IPNetwork hole : wide.getExceptList()) {
      boolean apart = !WireNetworks.overlap(hole, narrow.getNet());
      if (!apart
          && narrow.getExceptList().stream()
              .noneMatch(other -> WireNetworks.contains(other, hole))) {
        return false;
      }
    }
    return true;
  }

  private static boolean covers(Authn wide, Authn narrow) {
    if (wide.hasUnauthenticated()) {
      return true;
    }
    if (!narrow.hasMeshTLS()) {
      return false;
    }
    if (wide.getMeshTLS().hasUnauthenticated()) {
      return true;
    }
    if (!narrow.getMeshTLS().hasIdentities()) {
      return false;
    }
    PermitClientIdentities permitted = wide.getMeshTLS().getIdentities();
    Set<String> exact = new HashSet<>();
    permitted.getIdentitiesList().forEach(identity -> exact.add(identity.getName()));
    List<String> suffixes = permitted.getSuffixesList().stream().map(Coverage::text).toList();
    PermitClientIdentities asked = narrow.getMeshTLS().getIdentities();
    for (Identity identity : asked.getIdentitiesList()) {
      if (!exact.contains(identity.getName())
          && suffixes.stream()
              .noneMatch(suffix -> suffix.isEmpty() || identity.getName().endsWith("." + suffix))) {
        return false;
      }
    }
    for (IdentitySuffix suffix : asked.getSuffixesList()) {
      String text = text(suffix);
      if (suffixes.stream()
          .noneMatch(
              other -> other.isEmpty() || text.equals(other) || text.endsWith("." + other))) {
        return false;
      }
    }
    return true;
  }

  private static String text(IdentitySuffix suffix) {
    return String.join(".", suffix.getPartsList());
  }
}
