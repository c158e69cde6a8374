package io.signetmesh.policy.model;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A pod or an ExternalWorkload whose proxy asks for policy.
 *
 * @param ref the object
 * @param origin where it is written
 * @param labels its labels
 * @param annotations its own annotations
 * @param identity the name that the certificate of its proxy must have; null when it can have none,
 *     and then no caller is taken for it
 * @param node the node that it is placed on; empty when it is on none
 * @param ports its declared TCP ports with a name, over all containers
 * @param probes its HTTP probes, over all containers
 */
public record WorkloadModel(
    ObjectRef ref,
    String origin,
    Map<String, String> labels,
    PolicyAnnotations annotations,
    @Nullable String identity,
    String node,
    List<NamedPort> ports,
    List<HttpProbe> probes)
    implements PolicyObject {
  /** Port of a proxy's admin server. */
  public static final int ADMIN_PORT = 4191;

  /** Copies its arguments. */
  public WorkloadModel {
    if (!ref.kind().isWorkload()) {
      throw new IllegalArgumentException(ref + ": expected a Pod or an ExternalWorkload");
    }
    labels = Map.copyOf(labels);
    ports = List.copyOf(ports);
    probes = List.copyOf(probes);
  }

  /** Numbers of a port name; empty when the workload declares no such name. */
  public Set<Integer> portsNamed(String name) {
    Set<Integer> numbers = new TreeSet<>();
    for (NamedPort port : ports) {
      if (port.name().equals(name)) {
        numbers.add(port.number());
      }
    }
    return numbers;
  }

  /** Paths of the HTTP probes on a port, sorted. */
  public List<String> probePaths(int port) {
    Set<String> paths = new TreeSet<>();
    for (HttpProbe probe : probes) {
      if (probe.port() == port) {
        paths.add(probe.path());
      }
    }
    return List.copyOf(paths);
  }

  /**
   * A declared port.
   *
   * @param name its name
   * @param number 1 to 65535
   */
  public record NamedPort(String name, int number) {}

  /**
   * An HTTP probe of a container.
   *
   * @param port 1 to 65535
   * @param path path without query, starting with a slash
   */
  public record HttpProbe(int port, String path) {}
}
