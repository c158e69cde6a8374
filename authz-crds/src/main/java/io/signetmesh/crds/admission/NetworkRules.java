package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.Network;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Networks and their exceptions. */
final class NetworkRules {
  private NetworkRules() {}

  static void check(List<Network> networks, String field, ObjectFindings findings) {
    for (int i = 0; i < networks.size(); i++) {
      Network network = networks.get(i);
      String at = field + "[" + i + "]";
      Cidr cidr = parse(network.cidr(), at + ".cidr", findings);
      for (int j = 0; j < network.except().size(); j++) {
        String text = network.except().get(j);
        String place = at + ".except[" + j + "]";
        Cidr exception = parse(text, place, findings);
        if (cidr == null || exception == null) {
          continue;
        }
        if (exception.contains(cidr)) {
          findings.error(
              place,
              List.of(place, at + ".cidr"),
              quoted(text) + " takes all of " + quoted(network.cidr()) + " out: nothing is left");
        } else if (!cidr.contains(exception)) {
          findings.error(
              place,
              List.of(place, at + ".cidr"),
              quoted(text) + " is not inside of the network " + quoted(network.cidr()));
        }
      }
    }
  }

  private static @Nullable Cidr parse(String text, String field, ObjectFindings findings) {
    try {
      return Cidr.parse(text);
    } catch (IllegalArgumentException e) {
      findings.error(field, String.valueOf(e.getMessage()));
      return null;
    }
  }
}
