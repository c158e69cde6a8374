package io.signetmesh.cli;

import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** What a control plane knows of its cluster besides the manifests. */
final class ClusterOptions {
  @Option(
      names = "--cluster-networks",
      paramLabel = "CIDR",
      split = ",",
      defaultValue = "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8,fd00::/8",
      converter = Networks.class,
      description = {
        "Networks whose addresses belong to the cluster, separated by commas",
        "(default: ${DEFAULT-VALUE})."
      })
  private List<Cidr> networks = List.of();

  @Option(
      names = "--default-policy",
      paramLabel = "POLICY",
      defaultValue = "deny",
      converter = Policies.class,
      description = {
        "What holds for ports that no Server selects: all-unauthenticated, all-authenticated,",
        "cluster-unauthenticated, cluster-authenticated, deny or audit (default: ${DEFAULT-VALUE})."
      })
  private AccessPolicy defaultPolicy = AccessPolicy.DENY;

  List<Cidr> networks() {
    return List.copyOf(networks);
  }

  AccessPolicy defaultPolicy() {
    return defaultPolicy;
  }

  /** Reads networks in CIDR notation. */
  static final class Networks implements ITypeConverter<Cidr> {
    @Override
    public Cidr convert(String text) {
      try {
        return Cidr.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /** Reads default policies as manifests spell them. */
  static final class Policies implements ITypeConverter<AccessPolicy> {
    @Override
    public AccessPolicy convert(String text) {
      return AccessPolicy.parse(text)
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "'"
                          + text
                          + "' is no default policy: expected "
                          + Arrays.stream(AccessPolicy.values())
                              .map(AccessPolicy::wireName)
                              .collect(Collectors.joining(", "))));
    }
  }
}
