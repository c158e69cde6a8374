package io.signetmesh.cli.host;

import io.signetmesh.cluster.ClusterChange;
import io.signetmesh.cluster.ClusterListener;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.Workload;
import io.signetmesh.proxy.DataPlane;
import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.netns.Network;
import io.signetmesh.proxy.node.LocalWorkload;
import io.signetmesh.proxy.node.NodeWorkloads;
import io.signetmesh.proxy.node.WorkloadStatus;
import java.io.IOException;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells {@link NodeWorkloads} of the Pods of this host: proxies start, stop and are replaced with
 * their Pods, as the view of the cluster has them. A Pod that is gone takes its connections with it
 * at once. A Pod whose proxy cannot start is reported, and the other proxies run all the same.
 */
public final class LocalProxies implements ClusterListener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LocalProxies.class);

  private final String controlPlaneNamespace;
  private final Environments environments;
  private final NodeWorkloads workloads;
  private final Map<String, String> refused = new HashMap<>();
  private boolean closed;

  /** A Pod of this host, in the host's network. */
  private record Hosted(HostWorkload workload, Environments environments) implements LocalWorkload {
    @Override
    public String name() {
      return workload.qualifiedName();
    }

    @Override
    public String serviceAccount() {
      return workload.serviceAccount();
    }

    @Override
    public boolean isSame(LocalWorkload other) {
      return other instanceof Hosted hosted && hosted.workload.equals(workload);
    }

    @Override
    public Network network() {
      return Network.HOST;
    }

    @Override
    public ProxyConfig configuration() throws IOException, InvalidConfigException {
      return ProxyConfig.from(environments.of(workload));
    }
  }

  /** Creates the environment of a workload's proxy. */
  @FunctionalInterface
  public interface Environments {
    /**
     * The environment variables, with a valid token.
     *
     * @throws IOException when the token cannot be written
     */
    Map<String, String> of(HostWorkload workload) throws IOException;
  }

  /**
   * Starts without proxies. Subscribe it to a source. The data plane has an event loop for each
   * processor, of which each proxy uses as many as it is configured for.
   */
  public LocalProxies(
      String controlPlaneNamespace, Environments environments, InstantSource clock) {
    this(
        controlPlaneNamespace,
        environments,
        clock,
        () -> DataPlane.start(null, Runtime.getRuntime().availableProcessors()));
  }

  /**
   * @param planes starts the data plane of all proxies, and another one when it fails
   */
  LocalProxies(
      String controlPlaneNamespace,
      Environments environments,
      InstantSource clock,
      Supplier<DataPlane> planes) {
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.environments = environments;
    this.workloads =
        new NodeWorkloads(
            planes, clock, new NodeWorkloads.Options(false, false), LocalProxies::changed);
  }

  private static void changed(WorkloadStatus status) {
    log.debug("workload {} is {}: {}", status.name(), status.state(), status.reason());
  }

  @Override
  public synchronized void changed(ClusterView view, ClusterChange change) {
    if (closed) {
      return;
    }
    Map<String, HostWorkload> wanted = new HashMap<>();
    Map<String, String> faults = new HashMap<>();
    for (Workload workload : view.workloads()) {
      try {
        HostWorkload.of(workload, controlPlaneNamespace)
            .ifPresent(found -> wanted.put(found.qualifiedName(), found));
      } catch (IllegalArgumentException e) {
        String name = workload.ref().toString();
        faults.put(name, String.valueOf(e.getMessage()));
        // A mistake in an annotation does not take away what was there.
        if (workloads.running().get(name) instanceof Hosted before) {
          wanted.put(name, before.workload());
        }
      }
    }
    for (String name : workloads.workloads().keySet()) {
      if (!wanted.containsKey(name)) {
        workloads.remove(name, false);
      }
    }
    wanted.forEach(
        (name, workload) -> {
          String fault = workloads.put(new Hosted(workload, environments));
          if (fault != null) {
            faults.put(name, fault);
          }
        });
    faults.forEach(
        (name, fault) -> {
          if (!fault.equals(refused.get(name))) {
            log.error("{}", fault);
          }
        });
    refused.clear();
    refused.putAll(faults);
  }

  /** The workloads that have a proxy now. */
  public List<HostWorkload> workloads() {
    return workloads.running().values().stream()
        .map(workload -> ((Hosted) workload).workload())
        .toList();
  }

  /**
   * Why workloads of this host have no proxy, or an outdated one; empty when there are no problems.
   */
  public synchronized List<String> faults() {
    return List.copyOf(refused.values());
  }

  /** Completes when all proxies that run now accept connections. */
  public CompletableFuture<Void> ready() {
    return workloads.ready();
  }

  /**
   * Drains all proxies, and waits until the last has ended, those included that were replaced and
   * still drain.
   */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    workloads.close();
  }
}
