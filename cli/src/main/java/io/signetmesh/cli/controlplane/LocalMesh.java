package io.signetmesh.cli.controlplane;

import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.LocalProxies;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.host.ProxyEnvironment;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Map;

/** Runs proxies and a control plane in one process. */
public final class LocalMesh {
  private LocalMesh() {}

  /**
   * Creates the proxies of this host's workloads. They start when the result is subscribed to the
   * control plane's source.
   *
   * @throws IOException when the audit directory cannot be created
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
        workload -> {
          MeshNames names = config.cluster().names();
          Map<String, String> environment =
              ProxyEnvironment.of(
                  workload,
                  names,
                  addresses,
                  servers.trustAnchors(),
                  servers
                      .tokens()
                      .issue(fileName(workload), workload.namespace(), workload.serviceAccount()),
                  audit.resolve(fileName(workload) + ".jsonl"));
          servers
              .collectorAddress()
              .map(ControlPlaneServers::reachable)
              .ifPresent(collector -> ProxyEnvironment.deliver(environment, collector, names));
          return environment;
        },
        clock);
  }

  /** Base name of a workload's files: {@code namespace.name}. */
  public static String fileName(HostWorkload workload) {
    return workload.namespace() + "." + workload.name();
  }
}
