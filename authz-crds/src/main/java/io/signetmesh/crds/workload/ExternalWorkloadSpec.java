package io.signetmesh.crds.workload;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.NamedIn;
import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spec of an {@link ExternalWorkload}.
 *
 * @param meshTLS mesh identity of the workload, and the server name for connections to it
 * @param ports ports that it listens on
 * @param workloadIPs addresses of the workload, at most one of each IP family
 */
public record ExternalWorkloadSpec(
    @Required @NamedIn(in = "v1alpha1", name = "meshTls") MeshTls meshTLS,
    List<Port> ports,
    @Items(max = 1, in = "v1alpha1") @Items(max = 2) List<WorkloadIp> workloadIPs) {
  /** Copies the lists; null becomes an empty list. */
  public ExternalWorkloadSpec {
    ports = ports == null ? List.of() : List.copyOf(ports);
    workloadIPs = workloadIPs == null ? List.of() : List.copyOf(workloadIPs);
  }

  /**
   * Mesh identity of the workload.
   *
   * @param identity the identity: a SPIFFE ID or a DNS-like name
   * @param serverName server name (SNI) of connections to the workload
   */
  public record MeshTls(
      @Required @Length(min = 1, max = 253) String identity,
      @Required @Length(min = 1, max = 253) String serverName) {}

  /**
   * A port.
   *
   * @param name its name, unique within the workload
   * @param port its number, 1 to 65535
   * @param protocol transport protocol, such as {@code TCP}
   */
  public record Port(
      @Nullable String name,
      @Required @Range(min = 1, max = 65535) int port,
      @Default("TCP") String protocol) {
    /** A protocol that is null becomes TCP. */
    public Port {
      protocol = protocol == null ? "TCP" : protocol;
    }
  }

  /**
   * An address.
   *
   * @param ip IPv4 or IPv6 address
   */
  public record WorkloadIp(@Required @Text(TextFormat.IP) String ip) {}
}
