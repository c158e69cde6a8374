package io.signetmesh.identity.server;

import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.jwt.JwtSigningKeys;
import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Rotates the keys that sign JWT-SVIDs, and publishes them in the trust bundle. */
final class JwtKeyRotation implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(JwtKeyRotation.class);
  private static final int PERIOD_SECONDS = 60;

  private final JwtSigningKeys keys;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("jwt-key-rotation").factory());

  private JwtKeyRotation(JwtSigningKeys keys) {
    this.keys = keys;
    timer.scheduleWithFixedDelay(this::rotate, PERIOD_SECONDS, PERIOD_SECONDS, TimeUnit.SECONDS);
  }

  static JwtKeyRotation start(Path stateDirectory, TrustBundleStore bundles, InstantSource clock)
      throws IOException, PkiException {
    return new JwtKeyRotation(JwtSigningKeys.open(stateDirectory, new InBundle(bundles), clock));
  }

  JwtSigningKeys keys() {
    return keys;
  }

  private void rotate() {
    try {
      keys.rotate();
    } catch (IOException | RuntimeException e) {
      log.error("cannot rotate the keys of JWT-SVIDs, the present ones go on signing", e);
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }

  private record InBundle(TrustBundleStore bundles) implements JwtSigningKeys.Publisher {
    @Override
    public List<JwtAuthority> published() {
      return bundles.get().jwtAuthorities();
    }

    @Override
    public void publish(List<JwtAuthority> authorities) throws IOException {
      bundles.setJwtAuthorities(authorities);
    }
  }
}
