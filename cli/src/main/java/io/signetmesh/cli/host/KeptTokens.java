package io.signetmesh.cli.host;

import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tokens of workloads in files of mode 0600, for their proxies to read at each renewal. Two
 * processes have the same directory while one takes over from the other, so that each deletes only
 * files that it has written itself. Thread-safe.
 */
final class KeptTokens {
  private static final Logger log = LoggerFactory.getLogger(KeptTokens.class);

  private final Path directory;

  /** What was written, by the name of the file. Guarded by this. */
  private final Map<String, Written> written = new HashMap<>();

  /** A file that was written; another one in its place differs in one of these. */
  private record Written(@Nullable Object key, FileTime time) {}

  /**
   * @param directory of mode 0700
   */
  KeptTokens(Path directory) {
    this.directory = directory;
  }

  /**
   * Writes a token, in place of the one before.
   *
   * @throws IOException when it cannot be written
   */
  synchronized void keep(String name, String token) throws IOException {
    Path file = directory.resolve(name);
    StateFiles.writeSecret(file, token);
    written.put(name, look(file));
  }

  private static Written look(Path file) throws IOException {
    BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class);
    return new Written(found.fileKey(), found.lastModifiedTime());
  }

  /** Deletes a token, unless another process has replaced it. */
  synchronized void forget(String name) {
    Written mine = written.remove(name);
    if (mine == null) {
      return;
    }
    Path file = directory.resolve(name);
    try {
      if (mine.equals(look(file))) {
        Files.deleteIfExists(file);
      }
    } catch (NoSuchFileException e) {
      // It is gone already.
    } catch (IOException e) {
      log.warn("token {} is left behind: {}", file, e.getMessage());
    }
  }

  /** Deletes all tokens that were written, unless another process has replaced them. */
  synchronized void forgetAll() {
    List.copyOf(written.keySet()).forEach(this::forget);
  }

  /** Deletes all files that were not written here, also those that others have not finished. */
  synchronized void forgetOthers() {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        if (!written.containsKey(file.getFileName().toString())) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      log.warn("tokens in {} are left behind: {}", directory, e.getMessage());
    }
  }
}
