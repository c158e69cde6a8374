package io.signetmesh.identity.spiffe;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The executables of processes: where they are, and their SHA-256. Digests are kept by device,
 * inode, size and both times of the file, so that a file is read once.
 *
 * <p>Digests are computed of files up to 512 MiB, {@value #HASHERS} at a time, each of another
 * user. Users take turns: whoever makes many executables, or large ones, waits for them alone. A
 * user has at most {@value #MAX_WAITING_OF_USER} files that wait, and a caller waits for at most
 * {@link #MAX_WAIT}. Thread-safe; callers wait on their own threads.
 */
class Executables {
  private static final Logger log = LoggerFactory.getLogger(Executables.class);

  /** Digests that are computed at the same time. */
  static final int HASHERS = 4;

  /** Files of one user that wait or are read. */
  static final int MAX_WAITING_OF_USER = 32;

  /** For a digest. */
  static final Duration MAX_WAIT = Duration.ofSeconds(30);

  private static final long MAX_SIZE = 512L * 1024 * 1024;
  private static final int MAX_DIGESTS = 1024;
  private static final String ATTRIBUTES = "unix:dev,ino,size,lastModifiedTime,ctime";
  private static final int BUFFER = 256 * 1024;

  private final Path proc;
  private final Duration maxWait;
  private final LongAdder hashed = new LongAdder();

  // Guarded by this.
  private final Map<Map<String, Object>, String> digests =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Map<String, Object>, String> eldest) {
          return size() > MAX_DIGESTS;
        }
      };

  /** Files that wait or are read, by what callers ask for. */
  private final Map<Key, Job> jobs = new HashMap<>();

  /** Files that wait, by user; the user whose turn is next first. */
  private final LinkedHashMap<Integer, Deque<Job>> waiting = new LinkedHashMap<>();

  /** Users of whom a file is read. */
  private final Set<Integer> served = new HashSet<>();

  private final Map<Integer, Integer> ofUser = new HashMap<>();
  private int hashers;

  /** Not shared by users: one does not wait behind the files of another. */
  private record Key(int uid, Map<String, Object> file) {}

  private record Job(Key key, Path link, CompletableFuture<Optional<String>> digest) {}

  /**
   * @param proc where proc(5) is
   */
  Executables(Path proc) {
    this(proc, MAX_WAIT);
  }

  Executables(Path proc, Duration maxWait) {
    this.proc = proc;
    this.maxWait = maxWait;
  }

  /**
   * The path of a process's executable, if that name stands for the same file here. In another
   * mount namespace anyone may give any file any name.
   */
  Optional<String> path(int pid) {
    Path link = link(pid);
    try {
      Path target = Files.readSymbolicLink(link);
      return target.isAbsolute() && identity(link).equals(identity(target))
          ? Optional.of(target.toString())
          : Optional.empty();
    } catch (IOException | RuntimeException e) {
      return Optional.empty();
    }
  }

  /**
   * SHA-256 of a process's executable; empty when it cannot be read. May wait.
   *
   * @param uid user of the process
   * @throws TimeoutException when the user has too many files that wait, or it takes too long
   */
  Optional<String> sha256(int uid, int pid) throws TimeoutException {
    Path link = link(pid);
    Map<String, Object> file;
    try {
      file = Files.readAttributes(link, ATTRIBUTES);
    } catch (IOException | RuntimeException e) {
      return Optional.empty();
    }
    CompletableFuture<Optional<String>> digest;
    synchronized (this) {
      String known = digests.get(file);
      if (known != null) {
        return Optional.of(known);
      }
      digest = submit(new Key(uid, file), link);
    }
    try {
      return digest.get(maxWait.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TimeoutException("interrupted");
    } catch (ExecutionException e) {
      return Optional.empty();
    }
  }

  /** Files that were read since the start. */
  long hashed() {
    return hashed.sum();
  }

  /** Files that wait or are read. */
  synchronized int pending() {
    return jobs.size();
  }

  /** Called with the lock held. */
  private CompletableFuture<Optional<String>> submit(Key key, Path link) throws TimeoutException {
    Job known = jobs.get(key);
    if (known != null) {
      return known.digest;
    }
    if (ofUser.getOrDefault(key.uid, 0) >= MAX_WAITING_OF_USER) {
      throw new TimeoutException(
          "user " + Integer.toUnsignedString(key.uid) + " has too many executables that wait");
    }
    Job job = new Job(key, link, new CompletableFuture<>());
    if (hashers < HASHERS) {
      Thread.ofPlatform().daemon().name("executables").start(this::hash);
      hashers++;
    }
    ofUser.merge(key.uid, 1, Integer::sum);
    jobs.put(key, job);
    waiting.computeIfAbsent(key.uid, user -> new ArrayDeque<>()).addLast(job);
    return job.digest;
  }

  /** Reads files until none waits that may be read. */
  private void hash() {
    for (Job job = next(); job != null; job = next()) {
      Optional<String> digest = Optional.empty();
      try {
        digest = digest(job);
      } catch (Throwable e) {
        // This thread goes on for the others.
        log.error("{} cannot be read", job.link, e);
      } finally {
        done(job, digest);
      }
    }
  }

  private synchronized @Nullable Job next() {
    for (var user : waiting.entrySet()) {
      if (!served.contains(user.getKey())) {
        Deque<Job> files = user.getValue();
        Job job = files.removeFirst();
        waiting.remove(user.getKey());
        if (!files.isEmpty()) {
          waiting.putLast(user.getKey(), files);
        }
        served.add(user.getKey());
        return job;
      }
    }
    // Under the lock of the look: whoever comes after it starts another one.
    hashers--;
    return null;
  }

  private void done(Job job, Optional<String> digest) {
    synchronized (this) {
      digest.ifPresent(found -> digests.put(job.key.file, found));
      jobs.remove(job.key);
      served.remove(job.key.uid);
      ofUser.computeIfPresent(job.key.uid, (user, count) -> count == 1 ? null : count - 1);
    }
    job.digest.complete(digest);
  }

  private Optional<String> digest(Job job) {
    synchronized (this) {
      // As another user's it has been read meanwhile.
      String known = digests.get(job.key.file);
      if (known != null) {
        return Optional.of(known);
      }
    }
    try {
      String digest = digest(job.link);
      hashed.increment();
      // A file that is written to meanwhile has no digest.
      return Files.readAttributes(job.link, ATTRIBUTES).equals(job.key.file)
          ? Optional.of(digest)
          : Optional.empty();
    } catch (IOException | RuntimeException e) {
      return Optional.empty();
    }
  }

  private Path link(int pid) {
    return proc.resolve(Integer.toString(pid)).resolve("exe");
  }

  private static Map<String, Object> identity(Path file) throws IOException {
    return Files.readAttributes(file, "unix:dev,ino");
  }

  private static String digest(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[BUFFER];
      long size = 0;
      int read;
      while ((read = in.read(buffer)) >= 0) {
        size += read;
        if (size > MAX_SIZE) {
          throw new IOException(file + " has more than " + MAX_SIZE + " bytes");
        }
        sha256.update(buffer, 0, read);
      }
      return HexFormat.of().formatHex(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
