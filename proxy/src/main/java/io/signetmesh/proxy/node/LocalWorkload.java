package io.signetmesh.proxy.node;

import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.netns.Network;
import java.io.IOException;

/** A workload of this host, as its source describes it. */
public interface LocalWorkload {
  /** {@code namespace/name}. */
  String name();

  /** ServiceAccount in the namespace of the workload. */
  String serviceAccount();

  /** Whether a proxy made for this one is as good for the other one, in the same network. */
  boolean isSame(LocalWorkload other);

  /** Where its proxy's sockets are made. Closed by whom the workload is given to. */
  Network network();

  /**
   * Configuration of its proxy, with a valid token. Called for each start.
   *
   * @throws InvalidConfigException when what the source says is no configuration
   * @throws IOException when the token cannot be written
   */
  ProxyConfig configuration() throws IOException, InvalidConfigException;
}
