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
 * What an {@link ExternalWorkload} says.
 *
 * @param meshTLS identity of the workload and the name it is dialled by
 * @param ports ports that it listens on
 * @param workloadIPs its addresses, at most one of each family
 */
public record ExternalWorkloadSpec(
    @Required @NamedIn(in = "v1alpha1", name = "meshTls") MeshTls meshTLS,
    List<Port> ports,
    @Items(max = 1, in = "v1alpha1") @Items(max = 2) List<WorkloadIp> workloadIPs) {
  /** Lists that are not given are empty. */
  public ExternalWorkloadSpec {
    ports = ports == null ? List.of() : List.copyOf(ports);
    workloadIPs = workloadIPs == null ? List.of() : List.copyOf(workloadIPs);
  }

  /**
   * How peers know the workload.
   *
   * @param identity its identity, a SPIFFE id or a DNS-like name
   * @param serverName name sent as SNI when it is dialled
   */
  public record MeshTls(
      @Required @Length(min = 1, max = 253) String identity,
      @Required @Length(min = 1, max = 253) String serverName) {}

  /**
   * A port.
   *
   * @param name its name, unique within the workload
   * @param port its number
   * @param protocol transport protocol
   */
  public record Port(
      @Nullable String name,
      @Required @Range(min = 1, max = 65535) int port,
      @Default("TCP") String protocol) {
    /** A protocol that is not given is TCP. */
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
