package io.signetmesh.cli.controlplane;

import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.LocalProxies;
import io.signetmesh.cli.host.ProxyEnvironment;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;

/** Proxies beside a control plane in one process. */
public final class LocalMesh {
  private LocalMesh() {}

  /**
   * The proxies of this host's workloads; none runs before it is subscribed to the control plane's
   * source.
   */
  public static LocalProxies proxies(
      ControlPlaneServers.Config config, ControlPlaneServers servers, InstantSource clock)
      throws IOException {
    Path audit = config.state().resolve("audit");
    StateFiles.createDirectory(audit);
    ControlPlane addresses =
        new ControlPlane(
            ControlPlaneServers.reachable(servers.addresses().identity()),
            ControlPlaneServers.reachable(servers.addresses().discovery()),
            ControlPlaneServers.reachable(servers.addresses().policy()));
    return new LocalProxies(
        config.cluster().names().controlPlaneNamespace(),
        workload ->
            ProxyEnvironment.of(
                workload,
                config.cluster().names(),
                addresses,
                servers.trustAnchors(),
                servers
                    .tokens()
                    .issue(fileName(workload), workload.namespace(), workload.serviceAccount()),
                audit.resolve(fileName(workload) + ".jsonl")),
        clock);
  }

  /** {@code namespace.name}: what files of a workload are called. */
  public static String fileName(HostWorkload workload) {
    return workload.namespace() + "." + workload.name();
  }
}
