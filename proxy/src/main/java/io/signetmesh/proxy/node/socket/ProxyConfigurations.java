package io.signetmesh.proxy.node.socket;

import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.v1.WorkloadAnnouncement;
import java.io.IOException;

/** Makes configurations of proxies from what is announced, and keeps tokens. Thread-safe. */
public interface ProxyConfigurations {
  /**
   * The configuration of a workload's proxy.
   *
   * @throws InvalidConfigException when what was announced is no configuration
   */
  ProxyConfig of(WorkloadAnnouncement announcement) throws InvalidConfigException;

  /**
   * Keeps the token that came with an announcement, if one did, for the proxy to read at each
   * renewal.
   *
   * @throws IOException when it cannot be written
   */
  void keepToken(WorkloadAnnouncement announcement) throws IOException;

  /**
   * Deletes what this process has kept of a workload, {@code namespace/name}, and nothing that
   * another process has put in its place.
   */
  void forget(String name);

  /**
   * Deletes what this process has not kept: what others have left that were killed, or whose
   * workloads are gone. To be called when no other process serves workloads.
   */
  void forgetOthers();
}
