package io.signetmesh.crds.manifest;

import io.signetmesh.crds.ContentBudget;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Reads a directory of manifests repeatedly. A file is parsed again only when its content has
 * changed; otherwise its objects are the same instances as before.
 *
 * <p>Manifests are the files named {@code *.yaml}, {@code *.yml} and {@code *.json}, also in
 * subdirectories. Names that start with a dot are left out: hidden files, the temporary files of
 * editors, and the data directories behind the symbolic links of a mounted ConfigMap. Symbolic
 * links are followed. Only regular files are opened: a pipe, a socket or a device of such a name is
 * an error among the findings. So is a file that brings the total over 512 MiB. Not safe for use by
 * several threads.
 */
public final class ManifestDirectory {
  private static final int MAX_DEPTH = 16;

  /** Bounds a walk that a link leads out of the manifests. */
  private static final int MAX_ENTRIES = 200_000;

  /** Bounds what all files together take. */
  private static final long MAX_BYTES = 512L * 1024 * 1024;

  private static final String NO_FILE = "no regular file";

  private final Path directory;
  private final ManifestReader reader;
  private Map<Path, Parsed> parsed = Map.of();

  /** Reads this directory, which need not exist yet, with this reader. */
  public ManifestDirectory(Path directory, ManifestReader reader) {
    this.directory = directory;
    this.reader = reader;
  }

  /**
   * State of a file, as the file system reports it. It changes when the file is written or
   * replaced.
   *
   * @param modified last modification, in nanoseconds since the Unix epoch
   * @param bytes length in bytes
   * @param identity the inode, with the time of its last change where the file system has one
   */
  public record FileState(long modified, long bytes, String identity) {}

  /**
   * What is there, without contents.
   *
   * @param directories the directory and those under it that count
   * @param files the manifests in them, sorted
   */
  public record Listing(TreeSet<Path> directories, TreeMap<Path, FileState> files) {}

  /**
   * Lists what is there.
   *
   * @throws IOException when a directory cannot be read
   */
  public Listing list() throws IOException {
    Listing listing = new Listing(new TreeSet<>(), new TreeMap<>());
    Files.walkFileTree(
        directory,
        EnumSet.of(FileVisitOption.FOLLOW_LINKS),
        MAX_DEPTH,
        new SimpleFileVisitor<>() {
          private int entries;

          @Override
          public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes)
              throws IOException {
            count();
            if (!dir.equals(directory) && isHidden(dir)) {
              return FileVisitResult.SKIP_SUBTREE;
            }
            listing.directories.add(dir);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            count();
            if (isManifest(file)) {
              listing.files.put(
                  file,
                  attributes.isRegularFile()
                      ? stateOf(file, attributes)
                      : new FileState(0, 0, NO_FILE));
            }
            return FileVisitResult.CONTINUE;
          }

          private void count() throws IOException {
            if (++entries > MAX_ENTRIES) {
              throw new IOException("more than " + MAX_ENTRIES + " files and directories");
            }
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (file.equals(directory)) {
              throw e;
            }
            if (!isHidden(file) && !(e instanceof FileSystemLoopException)) {
              listing.files.put(file, new FileState(0, 0, e.toString()));
            }
            return FileVisitResult.CONTINUE;
          }
        });
    if (!Files.isDirectory(directory)) {
      throw new NotDirectoryException(directory.toString());
    }
    return listing;
  }

  /** Lists and reads all manifests. What cannot be read is an error among the findings. */
  public Manifests read() {
    try {
      return read(list());
    } catch (IOException | UncheckedIOException e) {
      return ManifestReader.unreadable(directory.toString(), "cannot be read: " + e);
    }
  }

  /** Reads all files of a listing. */
  public Manifests read(Listing listing) {
    return read(listing, Long.MIN_VALUE);
  }

  /**
   * Reads the files of a listing, except those that have not changed since the last reading.
   *
   * @param settled time in nanoseconds since the Unix epoch. A file last modified before it counts
   *     as unchanged while its {@link FileState} is the same: any later write has a later time of
   *     modification. Other files are read again.
   */
  public Manifests read(Listing listing, long settled) {
    Map<Path, Parsed> now = new HashMap<>();
    List<Manifests> parts = new ArrayList<>();
    long[] left = {MAX_BYTES};
    ContentBudget budget = new ContentBudget();
    listing.files.forEach(
        (file, state) -> {
          Parsed former = parsed.get(file);
          left[0] -= state.bytes;
          Parsed result =
              left[0] < 0
                  ? unreadable(
                      file, "is not read: with the files before it, it is longer than 512 MiB")
                  : former != null && state.equals(former.settledState) ? former : read(file);
          Manifests bounded = result.manifests.bounded(budget);
          parts.add(bounded);
          if (bounded != result.manifests) {
            // What is left out may have room the next time.
            now.put(file, new Parsed("", bounded, null));
            return;
          }
          boolean isSettled = !result.digest.isEmpty() && state.modified < settled;
          now.put(file, result.as(isSettled ? state : null));
        });
    parsed = now;
    return Manifests.merge(parts);
  }

  private Parsed read(Path file) {
    byte[] bytes;
    try {
      // Opening a pipe waits for its other end.
      if (Files.readAttributes(file, BasicFileAttributes.class).isOther()) {
        return unreadable(
            file, "is not read: it is a pipe, a socket or a device, expected a regular file");
      }
      try (InputStream in = Files.newInputStream(file)) {
        bytes = in.readNBytes(ManifestReader.MAX_FILE_BYTES + 1);
      }
    } catch (IOException e) {
      return unreadable(file, "cannot be read: " + e);
    }
    String digest = sha256(bytes);
    Parsed former = parsed.get(file);
    return former != null && former.digest.equals(digest)
        ? former
        : new Parsed(digest, reader.read(file.toString(), bytes), null);
  }

  private static Parsed unreadable(Path file, String why) {
    return new Parsed("", ManifestReader.unreadable(file.toString(), why), null);
  }

  private static FileState stateOf(Path file, BasicFileAttributes attributes) {
    return new FileState(
        attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS),
        attributes.size(),
        attributes.fileKey() + " " + changed(file));
  }

  /**
   * Time of the last change of a file's state, where the file system tells. Whoever sets the time
   * of modification back (archives with fixed times, copies that keep times) changes this one.
   */
  private static String changed(Path file) {
    try {
      return String.valueOf(Files.getAttribute(file, "unix:ctime"));
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
      return "";
    }
  }

  private static boolean isManifest(Path file) {
    String name = file.getFileName().toString();
    return !isHidden(file)
        && (name.endsWith(".yaml") || name.endsWith(".yml") || name.endsWith(".json"));
  }

  private static boolean isHidden(Path file) {
    Path name = file.getFileName();
    return name != null && name.toString().startsWith(".");
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /**
   * @param settledState state of the file that tells its contents; null when it may change and look
   *     the same
   */
  private record Parsed(String digest, Manifests manifests, @Nullable FileState settledState) {
    Parsed as(@Nullable FileState state) {
      return Objects.equals(state, settledState) ? this : new Parsed(digest, manifests, state);
    }
  }
}
