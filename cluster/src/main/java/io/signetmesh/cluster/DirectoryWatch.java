package io.signetmesh.cluster;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file system's notifications of changes in some directories, where it gives any. Confined to
 * one thread, but for {@link #close}.
 */
final class DirectoryWatch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DirectoryWatch.class);

  private final @Nullable WatchService watcher;
  private final Map<Path, Watched> watched = new HashMap<>();

  /** A directory with the key that tells it from another one of the same name. */
  private record Watched(@Nullable Object fileKey, WatchKey key) {}

  private DirectoryWatch(@Nullable WatchService watcher) {
    this.watcher = watcher;
  }

  /**
   * A watch that follows nothing yet.
   *
   * @param directory named in the log when there are no notifications
   */
  static DirectoryWatch of(Path directory) {
    try {
      return new DirectoryWatch(FileSystems.getDefault().newWatchService());
    } catch (IOException | UnsupportedOperationException e) {
      LOG.warn("{}: no notifications of changes ({}), polling instead", directory, e.toString());
      return new DirectoryWatch(null);
    }
  }

  /**
   * Waits until the file system tells of a change, or until the time is over.
   *
   * @return false, at once, when there are no notifications
   * @throws java.nio.file.ClosedWatchServiceException when the watch is closed
   */
  boolean await(Duration longest) throws InterruptedException {
    if (watcher == null) {
      return false;
    }
    for (WatchKey key = watcher.poll(longest.toMillis(), TimeUnit.MILLISECONDS);
        key != null;
        key = watcher.poll()) {
      key.pollEvents();
      if (!key.reset()) {
        watched.values().removeIf(entry -> !entry.key.isValid());
      }
    }
    return true;
  }

  /** Has the file system tell of changes in these directories, and in no others. */
  void follow(Collection<Path> directories) {
    if (watcher == null) {
      return;
    }
    watched
        .entrySet()
        .removeIf(
            entry -> {
              boolean gone = !directories.contains(entry.getKey());
              if (gone) {
                entry.getValue().key.cancel();
              }
              return gone;
            });
    for (Path path : directories) {
      try {
        Object fileKey = Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        Watched present = watched.get(path);
        if (present != null && Objects.equals(present.fileKey, fileKey)) {
          continue;
        }
        if (present != null) {
          present.key.cancel();
        }
        watched.put(
            path,
            new Watched(
                fileKey,
                path.register(
                    watcher,
                    StandardWatchEventKinds.ENTRY_CREATE,
                    StandardWatchEventKinds.ENTRY_MODIFY,
                    StandardWatchEventKinds.ENTRY_DELETE)));
      } catch (IOException e) {
        LOG.debug("{}: not watched, changes are found by polling", path, e);
      }
    }
  }

  @Override
  public void close() {
    if (watcher != null) {
      try {
        watcher.close();
      } catch (IOException e) {
        LOG.debug("closing the watch", e);
      }
    }
  }
}
