package io.signetmesh.cli.command;

import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cluster.ClusterDefaults;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.network.PortSet;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.schema.TextFormat;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/**
 * Options for what a control plane cannot learn from the manifests, such as networks, the default
 * policy and opaque ports.
 */
public final class ClusterOptions {
  @Option(
      names = "--cluster-networks",
      paramLabel = "CIDR",
      split = ",",
      defaultValue =
          ClusterDefaults.IPV4_NETWORKS + ",127.0.0.0/8," + ClusterDefaults.IPV6_NETWORKS,
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

  @Option(
      names = "--probe-networks",
      paramLabel = "CIDR,...",
      defaultValue = "0.0.0.0/0,::/0",
      converter = NetworkLists.class,
      description =
          "Networks from which HTTP probes that pods declare are let in without a grant, separated"
              + " by commas (default: ${DEFAULT-VALUE}). Empty: probes need a grant as everybody"
              + " does.")
  private NetworkList probeNetworks = new NetworkList(List.of());

  @Option(
      names = "--default-opaque-ports",
      paramLabel = "PORTS",
      defaultValue = ClusterDefaults.OPAQUE_PORTS,
      converter = Ports.class,
      description =
          "Ports, and ranges a-b, whose bytes nobody looks at where config.linkerd.io/opaque-ports"
              + " does not say which, separated by commas (default: ${DEFAULT-VALUE}). Empty:"
              + " none.")
  private PortSet opaquePorts = PortSet.EMPTY;

  @Option(
      names = "--default-namespace",
      paramLabel = "NAME",
      converter = Namespaces.class,
      description = {
        "Namespace of manifests that name none, as 'kubectl apply -n' has it; without this option",
        "they are errors."
      })
  private @Nullable String defaultNamespace;

  /** Namespace of objects whose manifests name none; null when such objects are errors. */
  public @Nullable String defaultNamespace() {
    return defaultNamespace;
  }

  /** The settings, for a mesh with these names. */
  public ClusterSettings settings(MeshNames names) {
    return new ClusterSettings(
        names, networks, defaultPolicy, probeNetworks.networks(), opaquePorts);
  }

  /** Networks as one value, which may be empty. */
  record NetworkList(List<Cidr> networks) {
    NetworkList {
      networks = List.copyOf(networks);
    }
  }

  /** Reads networks in CIDR notation, separated by commas; nothing is no network. */
  static final class NetworkLists implements ITypeConverter<NetworkList> {
    @Override
    public NetworkList convert(String text) {
      Networks one = new Networks();
      return new NetworkList(
          text.isBlank()
              ? List.of()
              : Arrays.stream(text.split(",", -1)).map(String::strip).map(one::convert).toList());
    }
  }

  /** Reads ports and ranges of them, separated by commas; nothing is no port. */
  static final class Ports implements ITypeConverter<PortSet> {
    @Override
    public PortSet convert(String text) {
      // A name means another port in each workload, so that none means anything here.
      PortSet ports = PortSet.parse(text);
      if (!ports.others().isEmpty()) {
        throw new TypeConversionException(
            ports.others().stream().map(bad -> "'" + bad + "'").collect(Collectors.joining(", "))
                + (ports.others().size() == 1 ? " is no port" : " are no ports")
                + ": expected numbers from 1 to 65535, and ranges a-b of them");
      }
      return ports;
    }
  }

  /** Reads networks in CIDR notation. */
  public static final class Networks implements ITypeConverter<Cidr> {
    @Override
    public Cidr convert(String text) {
      try {
        return Cidr.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /** Reads names of namespaces. */
  static final class Namespaces implements ITypeConverter<String> {
    @Override
    public String convert(String text) {
      if (!TextFormat.LABEL.matches(text)) {
        throw new TypeConversionException(
            "'" + text + "' is no namespace: expected " + TextFormat.LABEL.description());
      }
      return text;
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
