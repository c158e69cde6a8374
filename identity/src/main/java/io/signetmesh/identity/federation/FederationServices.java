package io.signetmesh.identity.federation;

import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Federation of an identity server: fetches foreign bundles and serves the own one, each if
 * configured.
 */
public final class FederationServices implements AutoCloseable {
  private final @Nullable Federation federation;
  private final @Nullable BundleEndpoint endpoint;

  private FederationServices(@Nullable Federation federation, @Nullable BundleEndpoint endpoint) {
    this.federation = federation;
    this.endpoint = endpoint;
  }

  /**
   * Starts what is configured.
   *
   * @param bundles own bundle in force
   * @param own the identity server's credentials
   * @throws PkiException when the configuration is not valid
   * @throws IOException when a file cannot be read or an address cannot be bound
   */
  public static FederationServices start(
      FederationConfig config,
      Path stateDirectory,
      Supplier<TrustBundle> bundles,
      Supplier<Credentials> own,
      AuditLog audit,
      MeterRegistry registry,
      InstantSource clock)
      throws IOException, PkiException {
    Path file = config.file();
    Federation federation =
        file == null
            ? null
            : Federation.start(file, stateDirectory, bundles.get(), audit, registry, clock);
    BundleEndpoint.Config listen = config.endpoint();
    try {
      return new FederationServices(
          federation,
          listen == null ? null : BundleEndpoint.start(listen, own, bundles, registry, clock));
    } catch (IOException | PkiException | RuntimeException e) {
      if (federation != null) {
        federation.close();
      }
      throw e;
    }
  }

  /** The bundles of foreign trust domains in force. */
  public List<TrustBundle> trusted() {
    return federation == null ? List.of() : federation.bundles().get();
  }

  /** Names of the foreign trust domains that are configured, with or without a bundle in force. */
  public Set<String> domains() {
    return federation == null ? Set.of() : federation.bundles().domains();
  }

  /**
   * Calls the listener after each change of {@link #trusted} and {@link #domains}.
   *
   * @return ends the calls
   */
  public Runnable onChange(Runnable listener) {
    return federation == null ? () -> {} : federation.bundles().onChange(listener);
  }

  /** Status of each foreign trust domain, sorted by name. */
  public List<Federation.Status> status() {
    return federation == null ? List.of() : federation.status();
  }

  /** Address of the own bundle endpoint; empty when there is none. */
  public Optional<InetSocketAddress> endpoint() {
    return endpoint == null ? Optional.empty() : Optional.of(endpoint.address());
  }

  @Override
  public void close() {
    if (endpoint != null) {
      endpoint.close();
    }
    if (federation != null) {
      federation.close();
    }
  }
}
