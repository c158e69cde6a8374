package io.signetmesh.cli.controlplane;

import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Token files of this host's workloads. Each file has mode 0600. It is rewritten after half the
 * lifetime of its token, as the kubelet does.
 */
public final class TokenFiles implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TokenFiles.class);
  private static final Duration LIFETIME = Duration.ofDays(1);

  private final Path directory;
  private final WorkloadTokens tokens;
  private final Map<Path, Holder> holders = new ConcurrentHashMap<>();
  private final ScheduledExecutorService renewal =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("token-renewal").factory());

  private record Holder(String namespace, String serviceAccount) {}

  /**
   * Keeps the files in this directory, and creates it if it is missing.
   *
   * @throws IOException when the directory cannot be created
   */
  public TokenFiles(Path directory, WorkloadTokens tokens) throws IOException {
    this.directory = directory;
    this.tokens = tokens;
    StateFiles.createDirectory(directory);
    long half = LIFETIME.toSeconds() / 2;
    renewal.scheduleWithFixedDelay(this::renew, half, half, TimeUnit.SECONDS);
  }

  /**
   * Issues a token and renews it from now on.
   *
   * @param holder name of the file; workloads that share a ServiceAccount have different files
   * @return the file
   * @throws IOException when the file cannot be written
   */
  public Path issue(String holder, String namespace, String serviceAccount) throws IOException {
    Path file = directory.resolve(holder);
    tokens.issueTo(file, namespace, serviceAccount, LIFETIME);
    holders.put(file, new Holder(namespace, serviceAccount));
    return file;
  }

  /** Deletes a token file, and renews it no longer. */
  public void remove(Path file) throws IOException {
    holders.remove(file);
    Files.deleteIfExists(file);
  }

  private void renew() {
    holders.forEach(
        (file, holder) -> {
          try {
            tokens.issueTo(file, holder.namespace, holder.serviceAccount, LIFETIME);
          } catch (IOException | RuntimeException e) {
            log.error(
                "cannot renew the token in {}; it is good for another {}",
                file,
                LIFETIME.dividedBy(2),
                e);
          }
        });
  }

  @Override
  public void close() {
    renewal.shutdownNow();
  }
}
