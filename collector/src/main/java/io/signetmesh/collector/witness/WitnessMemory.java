package io.signetmesh.collector.witness;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.Witness;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a witness has cosigned, in a file for each log: the text of its last checkpoint. */
public final class WitnessMemory implements Witness.Memory, AutoCloseable {
  private static final FileAttribute<?> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private final Path directory;
  private final FileChannel lock;

  /**
   * @param directory made when it is missing
   * @throws IOException when it cannot be made, or another witness has it: two of one key and
   *     memory could cosign two histories
   */
  public WitnessMemory(Path directory) throws IOException {
    StateFiles.createDirectory(directory);
    this.directory = directory;
    Path file = directory.resolve("witness.lock");
    this.lock =
        FileChannel.open(
            file, Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE), PRIVATE);
    boolean isLocked = false;
    try {
      isLocked = lock.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      // By this process.
    }
    if (!isLocked) {
      lock.close();
      throw new IOException(file + " is locked: another witness has this memory");
    }
  }

  /** Gives the memory to another witness. */
  @Override
  public void close() throws IOException {
    lock.close();
  }

  @Override
  public @Nullable Checkpoint last(String origin) throws IOException {
    Path file = file(origin);
    Checkpoint last;
    try {
      last = Checkpoint.parse(Files.readString(file));
    } catch (NoSuchFileException e) {
      return null;
    }
    if (!last.origin().equals(origin)) {
      throw new MalformedLogException(
          file + " is of log \"" + last.origin() + "\": expected \"" + origin + "\"");
    }
    return last;
  }

  @Override
  public void keep(Checkpoint checkpoint) throws IOException {
    StateFiles.writeSecret(file(checkpoint.origin()), checkpoint.text());
  }

  private Path file(String origin) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(origin.getBytes(UTF_8));
      return directory.resolve(HexFormat.of().formatHex(hash) + ".checkpoint");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
