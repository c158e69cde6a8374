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
 * Tokens of the workloads of this host, each in a file of mode 0600 that is written anew at half
 * the life of the token in it, as a kubelet does it.
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

  /** Keeps files in a directory, which is made when it is missing. */
  public TokenFiles(Path directory, WorkloadTokens tokens) throws IOException {
    this.directory = directory;
    this.tokens = tokens;
    StateFiles.createDirectory(directory);
    long half = LIFETIME.toSeconds() / 2;
    renewal.scheduleWithFixedDelay(this::renew, half, half, TimeUnit.SECONDS);
  }

  /**
   * Issues a token.
   *
   * @param holder what the file is called; several workloads may have one service account
   */
  public Path issue(String holder, String namespace, String serviceAccount) throws IOException {
    Path file = directory.resolve(holder);
    tokens.issueTo(file, namespace, serviceAccount, LIFETIME);
    holders.put(file, new Holder(namespace, serviceAccount));
    return file;
  }

  /** Removes a token that was issued here. */
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
