package io.signetmesh.cli.audit;

import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which log is read. */
final class LogOptions {
  @Option(
      names = "--log",
      required = true,
      paramLabel = "DIR",
      description = "Directory of the log.")
  private Path directory = Path.of("");

  @Option(
      names = "--key",
      paramLabel = "VKEY",
      converter = NoteKeyConverter.class,
      description = {
        "Verifier key of the log, or a file that has it: its checkpoint has to be signed by it."
            + " That the entries are those of the checkpoint, 'signet audit verify' finds out."
      })
  private @Nullable NoteKey key;

  /** The key; null when the checkpoint is not verified. */
  @Nullable NoteKey key() {
    return key;
  }

  /**
   * Opens the log.
   *
   * @throws CommandFailure when it cannot be read
   */
  LogDirectory open() throws CommandFailure {
    try {
      return LogDirectory.open(directory, key);
    } catch (NotDirectoryException e) {
      throw CommandFailure.configuration(directory + " is no directory: expected a log", e);
    } catch (MalformedLogException e) {
      throw CommandFailure.configuration(directory + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw CommandFailure.configuration(directory + " cannot be read: " + e, e);
    }
  }
}
