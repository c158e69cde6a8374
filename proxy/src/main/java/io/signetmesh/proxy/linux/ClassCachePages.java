package io.signetmesh.proxy.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Memory of the JVM's ahead-of-time cache. The JVM maps the file and reads most of it when it
 * starts. Of the part that is never written, a proxy that runs needs little; the rest stays in
 * memory as long as the system has enough.
 */
public final class ClassCachePages {
  /** System property that names the file. */
  public static final String PROPERTY = "signet.class.cache";

  private static final Logger log = LoggerFactory.getLogger(ClassCachePages.class);

  /** {@code MADV_RANDOM}: no read-ahead. */
  private static final int RANDOM = 1;

  /** {@code MADV_PAGEOUT} (Linux 5.4): reclaim now. */
  private static final int PAGEOUT = 21;

  private ClassCachePages() {}

  /**
   * Gives back the pages of the cache that this process has only read, some time from now. What is
   * used after that is read again, page by page. Does nothing if no cache is named, and only logs
   * when the system cannot do it.
   */
  public static void giveBackAfter(Duration start) {
    String name = System.getProperty(PROPERTY);
    if (name == null) {
      return;
    }
    Path cache = Path.of(name);
    Thread.ofPlatform()
        .daemon()
        .name("class-cache")
        .start(
            () -> {
              try {
                Thread.sleep(start);
                log.debug("gave back {} bytes of {}", giveBack(cache), cache);
              } catch (InterruptedException e) {
                // The process ends.
              } catch (IOException | RuntimeException | LinkageError e) {
                log.debug("cannot give back memory of {}: {}", cache, e.toString());
              }
            });
  }

  /**
   * Gives back the pages of a file that this process has mapped and only read.
   *
   * @return bytes of the mappings
   * @throws IOException when the system cannot do it
   */
  static long giveBack(Path file) throws IOException {
    String path = file.toRealPath().toString();
    List<Range> ranges;
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
      ranges = lines.filter(line -> line.endsWith(" " + path)).flatMap(Range::readOnly).toList();
    }
    long bytes = 0;
    for (Range range : ranges) {
      advise(range, RANDOM);
      advise(range, PAGEOUT);
      bytes += range.length();
    }
    return bytes;
  }

  /** A mapping. */
  private record Range(long start, long length) {
    /** From a line of {@code /proc/self/maps}: {@code start-end perms offset device inode path}. */
    static Stream<Range> readOnly(String line) {
      String[] fields = line.split(" ", 3);
      if (fields.length < 3 || !fields[1].startsWith("r--")) {
        return Stream.empty();
      }
      String[] bounds = fields[0].split("-", 2);
      long start = Long.parseUnsignedLong(bounds[0], 16);
      return Stream.of(new Range(start, Long.parseUnsignedLong(bounds[1], 16) - start));
    }
  }

  private static void advise(Range range, int advice) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(LinuxCalls.STATE);
      int result = (int) Advise.MADVISE.invokeExact(state, range.start, range.length, advice);
      LinuxCalls.check("madvise(2)", result, state);
    } catch (Throwable e) {
      throw LinuxCalls.failure(e);
    }
  }

  /** Made when it is needed. */
  private static final class Advise {
    static final MethodHandle MADVISE =
        LinuxCalls.handle(
            "madvise", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  }
}
