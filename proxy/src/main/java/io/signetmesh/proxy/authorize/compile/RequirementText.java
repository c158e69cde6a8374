package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.IpBits.Prefix;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authentication;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authorization;
import io.signetmesh.proxy.authorize.compile.NetworkIndex.Network;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Says in words what an authorization asks for; made when a policy is compiled. */
final class RequirementText {
  /** Names listed before "and N more". */
  private static final int LISTED = 3;

  private RequirementText() {}

  static String client(Authorization authorization) {
    return client(authorization.authentication()) + required(authorization.required());
  }

  /** What is required of the request; empty for nothing. */
  private static String required(List<Requirement> required) {
    StringBuilder text = new StringBuilder();
    required.forEach(one -> text.append(" and ").append(one.text()));
    return text.toString();
  }

  private static String client(Authentication authentication) {
    return switch (authentication) {
      case Authentication.None none -> "wants nothing of the client";
      case Authentication.MeshTls tls -> "wants mesh TLS";
      case Authentication.Identities identities -> {
        boolean none = identities.exact().isEmpty() && identities.suffixes().isEmpty();
        yield none ? "wants an identity and lists none" : "wants " + identities(identities);
      }
    };
  }

  static String networks(List<Network> networks) {
    return "wants " + networkList(networks);
  }

  /** What a denial refuses. */
  static String denied(Authorization denial) {
    String who =
        switch (denial.authentication()) {
          case Authentication.None none -> "everyone";
          case Authentication.MeshTls tls -> "mesh TLS";
          case Authentication.Identities identities -> identities(identities);
        };
    return "denies "
        + who
        + (isAnywhere(denial.networks()) ? "" : " from " + networkList(denial.networks()))
        + (denial.required().isEmpty()
            ? ""
            : " with" + required(denial.required()).substring(" and".length()));
  }

  static String identities(Authentication.Identities identities) {
    List<String> names = new ArrayList<>(identities.exact());
    for (List<String> suffix : identities.suffixes()) {
      names.add(suffix.isEmpty() ? "any identity" : "*." + String.join(".", suffix));
    }
    return names.isEmpty() ? "no identity" : list(names);
  }

  /** Whether networks hold for every address. */
  static boolean isAnywhere(List<Network> networks) {
    return networks.stream().anyMatch(network -> network.isWhole() && network.net().isIpv4())
        && networks.stream().anyMatch(network -> network.isWhole() && !network.net().isIpv4());
  }

  static String networkList(List<Network> networks) {
    List<String> names = new ArrayList<>();
    for (Network network : networks) {
      String text = text(network.net());
      if (!network.except().isEmpty()) {
        List<String> except = new ArrayList<>();
        network.except().forEach(hole -> except.add(text(hole)));
        text += " except " + list(except);
      }
      names.add(text);
    }
    return list(names);
  }

  private static String list(List<String> names) {
    if (names.size() <= LISTED) {
      return String.join(" or ", names);
    }
    return String.join(", ", names.subList(0, LISTED)) + " or " + (names.size() - LISTED) + " more";
  }

  static String text(Prefix prefix) {
    byte[] bytes = ByteBuffer.allocate(16).putLong(prefix.high()).putLong(prefix.low()).array();
    try {
      InetAddress address = InetAddress.getByAddress(bytes);
      int length = address.getAddress().length == 4 ? prefix.length() - 96 : prefix.length();
      return address.getHostAddress() + "/" + length;
    } catch (UnknownHostException e) {
      throw new IllegalStateException("16 bytes are an address", e);
    }
  }
}
