package io.signetmesh.cli.audit;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.identity.CertificateFiles;
import io.signetmesh.identity.pki.TrustBundle;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** By whom the heads of a journal have to be signed. */
final class JournalOptions {
  @Option(
      names = "--trust-anchors",
      paramLabel = "FILE",
      description = {
        "PEM: the trust anchors of the mesh. With it, FILE is the journal of a proxy, and is"
            + " verified by its signed heads, with the older files beside it."
      })
  private @Nullable Path anchors;

  @Option(
      names = "--identity",
      paramLabel = "NAME",
      description = "With --trust-anchors: the workload's identity, which has to have signed.")
  @Nullable String identity;

  @Option(
      names = "--last-record",
      paramLabel = "N",
      description = {
        "With --trust-anchors: number of a record that is known to exist, such as the last one that"
            + " the collector has. Without, it does not show that the end was cut off."
      })
  private @Nullable Long last;

  /** Whether a journal is to be verified. */
  boolean isJournal() {
    return anchors != null;
  }

  /** Whether there is an option for journals only. */
  boolean isForJournal() {
    return identity != null || last != null;
  }

  long last() {
    return last == null ? 0 : last;
  }

  /**
   * The anchors.
   *
   * @throws CommandFailure when they cannot be read
   */
  TrustBundle anchors() throws CommandFailure {
    Path file = anchors;
    if (file == null) {
      throw new IllegalStateException("no anchors were given");
    }
    try {
      return new TrustBundle(0, "anchors", CertificateFiles.read(file));
    } catch (IllegalArgumentException e) {
      throw CommandFailure.configuration(file + ": " + e.getMessage(), e);
    }
  }
}
