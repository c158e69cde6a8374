package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A directory in the format of a Kubernetes Secret: {@code linkerd.io/tls} with {@code crt.pem} and
 * {@code key.pem}, or {@code kubernetes.io/tls} with {@code tls.crt}, {@code tls.key} and {@code
 * ca.crt}. A kubelet changes all files at once by the symbolic link {@code ..data}: the source
 * resolves that link once, so that all files are of one version. Files that are replaced one by one
 * are put in force as soon as they fit together.
 *
 * @param directory where the files are
 * @param anchors PEM: trust anchors; null takes {@code ca.crt} of the directory
 */
public record SecretDirectory(Path directory, @Nullable Path anchors) implements AuthoritySource {
  private static final String DATA = "..data";

  @Override
  public Snapshot read() throws RefusedMaterialException {
    Path version = version();
    boolean linkerd = Files.exists(version.resolve("crt.pem"));
    boolean kubernetes = Files.exists(version.resolve("tls.crt"));
    if (linkerd == kubernetes) {
      throw new RefusedMaterialException(
          Reason.UNREADABLE,
          directory
              + " holds "
              + (linkerd ? "both crt.pem and tls.crt" : "neither crt.pem nor tls.crt")
              + ": expected crt.pem and key.pem (linkerd.io/tls), or tls.crt and tls.key"
              + " (kubernetes.io/tls)");
    }
    Path trusted = anchors == null ? version.resolve("ca.crt") : anchors;
    if (anchors == null && !Files.exists(trusted)) {
      throw new RefusedMaterialException(
          Reason.UNREADABLE,
          directory + " holds no ca.crt: expected it there, or a file of trust anchors beside it");
    }
    return new PemFiles(
            version.resolve(linkerd ? "crt.pem" : "tls.crt"),
            version.resolve(linkerd ? "key.pem" : "tls.key"),
            trusted)
        .read();
  }

  /** The directory that the files are in now. */
  private Path version() throws RefusedMaterialException {
    Path data = directory.resolve(DATA);
    if (!Files.exists(data)) {
      return directory;
    }
    try {
      return data.toRealPath();
    } catch (IOException e) {
      throw new RefusedMaterialException(Reason.UNREADABLE, data + " leads nowhere: " + e, e);
    }
  }

  @Override
  public String toString() {
    return directory.toString();
  }
}
