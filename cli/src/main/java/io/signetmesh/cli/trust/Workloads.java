package io.signetmesh.cli.trust;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.simulate.ClientIdentity;
import io.signetmesh.v1.MeshLeaf;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Names of workloads as people type them. */
final class Workloads {
  /** Between the service account and the rest of a DNS name (Linkerd's identities). */
  private static final String ACCOUNT = ".serviceaccount.identity.";

  private Workloads() {}

  /** Refuses what names no workload. */
  static final class Converter implements ITypeConverter<String> {
    @Override
    public String convert(String text) {
      try {
        return ClientIdentity.requireForm(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /**
   * DNS names of workloads.
   *
   * @param names DNS names, or {@code namespace/account}
   * @param leaves tell which DNS name a short name stands for
   * @throws CommandFailure when a short name has no leaf that is valid, or several names
   */
  static Set<String> resolve(Collection<String> names, List<MeshLeaf> leaves)
      throws CommandFailure {
    Set<String> known = new TreeSet<>();
    leaves.forEach(leaf -> known.add(leaf.getIdentity()));
    Set<String> resolved = new TreeSet<>();
    for (String name : names) {
      int slash = name.indexOf('/');
      if (slash < 0) {
        // The server may know it from its peers only.
        resolved.add(name);
        continue;
      }
      String prefix = name.substring(slash + 1) + "." + name.substring(0, slash) + ACCOUNT;
      List<String> found = known.stream().filter(dns -> dns.startsWith(prefix)).toList();
      if (found.size() != 1) {
        throw CommandFailure.configuration(
            "workload "
                + name
                + (found.isEmpty()
                    ? " has no certificate that is valid: nobody waits for it"
                    : " is ambiguous: expected one of " + String.join(", ", found)));
      }
      resolved.add(found.getFirst());
    }
    return resolved;
  }
}
