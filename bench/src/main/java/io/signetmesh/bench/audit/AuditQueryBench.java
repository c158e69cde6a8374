package io.signetmesh.bench.audit;

import com.sun.management.OperatingSystemMXBean;
import io.signetmesh.collector.index.LogIndex;
import io.signetmesh.collector.index.LogIndexWriter;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryLookup;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LastEntries;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code bench/run audit-query}. */
@Command(
    name = "audit-query",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures queries of an audit log of a made-up day: writes the log and its index, and asks by"
          + " a scan and by the index. What is there already is not written again, so that"
          + " '--only write' and '--only query' may run apart.",
      "100,000,000 records take 83 GB of disk, with --made 5 GB, and on two quiet CPUs about 15"
          + " minutes."
    },
    footer = {
      "",
      "Examples:",
      "  bench/run audit-query --records 5000000 --directory work",
      "  bench/run audit-query --records 100000000 --directory work --made --only write",
      "  bench/run audit-query --records 100000000 --directory work --made --only query",
      "",
      "Exit codes: 0 measured; 1 scan and index disagree; 2 usage; 70 something broke."
    })
public final class AuditQueryBench implements Callable<Integer> {
  /** Parts of the measurement. */
  enum Step {
    /** Writes log and index. */
    WRITE,
    /** Asks. */
    QUERY,
    /** Appends as a collector does, with and without an index. */
    APPEND
  }

  /** Entries that are indexed while they are still in memory. */
  private static final long CHUNK = 4_000_000;

  /** Entries that are scanned of a larger log, to compare. */
  private static final long SCANNED = 5_000_000;

  private static final int BYTES_A_RECORD = 830;
  private static final int BYTES_MADE = 60;
  private static final int LAST = 100;

  /** What two CPUs did in one second. */
  private static final long WRITTEN_A_SECOND = 130_000;

  @Option(
      names = "--records",
      paramLabel = "N",
      description = "Records of the day, 100,000 or more. Default: ${DEFAULT-VALUE}.")
  private long records = 5_000_000;

  @Option(
      names = "--directory",
      required = true,
      paramLabel = "DIR",
      description = "Where the log and its index are; kept.")
  private Path directory = Path.of("");

  @Option(
      names = "--made",
      description =
          "Keep no entries, only their hashes and the index: what is read is made again, which takes"
              + " about as long as to read it from a disk.")
  private boolean isMade;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "STEP",
      description = "write, query or append; may be repeated. All by default.")
  private @Nullable List<Step> only;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Times that each query is asked, 1 to 1000. Default: ${DEFAULT-VALUE}.")
  private int rounds = 7;

  @Spec private CommandSpec spec = CommandSpec.create();

  private final PrintStream out = System.out;
  private final OperatingSystemMXBean system =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  @Override
  public Integer call() throws Exception {
    if (records < 100_000 || rounds < 1 || rounds > 1000) {
      throw new ParameterException(
          spec.commandLine(), "--records or --rounds is out of range, see --help");
    }
    Set<Step> steps = only == null ? EnumSet.allOf(Step.class) : EnumSet.copyOf(only);
    GeneratedRecords made = new GeneratedRecords(records);
    boolean isRight = true;
    if (steps.contains(Step.WRITE)) {
      write(made);
    }
    if (steps.contains(Step.QUERY)) {
      isRight = query(made);
    }
    if (steps.contains(Step.APPEND)) {
      new AppendBench(made, out).run(directory.resolve("append"), Duration.ofSeconds(20));
    }
    return isRight ? 0 : 1;
  }

  private void write(GeneratedRecords made) throws Exception {
    Files.createDirectories(directory);
    Path log = directory.resolve(CollectorLog.TILES);
    try (GeneratedLog generated = GeneratedLog.open(directory, made, isMade);
        LogIndexWriter index =
            LogIndexWriter.open(LogIndex.of(log), LogIndexWriter.COMMAND_BUFFER, 2)) {
      long left = records - generated.size();
      long free = Files.getFileStore(directory).getUsableSpace();
      long needed = left * (isMade ? BYTES_MADE : BYTES_A_RECORD);
      if (needed > free) {
        throw new IOException(
            directory
                + " has "
                + free
                + " bytes free: expected "
                + needed
                + ", or --made, which takes less");
      }
      out.printf("writing %,d records, about %d s%n", left, left / WRITTEN_A_SECOND);
      Used appending = new Used();
      Used indexing = new Used();
      long begun = generated.size();
      for (long end = begun; end < records; ) {
        end = Math.min(records, end + CHUNK);
        appending.start();
        generated.extend(end);
        appending.stop();
        indexing.start();
        extend(index, made);
        indexing.stop();
        out.printf(
            Locale.ROOT, "  %,d records, %.0f s%n", end, appending.seconds + indexing.seconds);
      }
      indexing.start();
      extend(index, made);
      indexing.stop();
      if (left > 0) {
        print("log, made and written", left, appending);
        print("index", left, indexing);
      }
    }
    long logBytes = bytes(log);
    long indexBytes = bytes(LogIndex.of(log));
    out.printf(
        Locale.ROOT,
        "log %.1f bytes a record, index %.1f; together %.1f GB%n",
        (double) logBytes / records,
        (double) indexBytes / records,
        (logBytes + indexBytes) / 1e9);
  }

  private LogDirectory open(GeneratedRecords made) throws IOException {
    LogDirectory log = LogDirectory.open(directory.resolve(CollectorLog.TILES), null);
    return isMade
        ? new LogDirectory(
            log.path(),
            new MadeTiles(log.store(), made),
            log.note(),
            log.checkpoint(),
            log.minimum())
        : log;
  }

  private void extend(LogIndexWriter index, GeneratedRecords made) throws IOException {
    LogDirectory now = open(made);
    while (index.extend(now, CHUNK, done -> {}) < now.size()) {
      // Until all of it is indexed.
    }
  }

  private void print(String what, long count, Used used) {
    out.printf(
        Locale.ROOT,
        "%s: %,.0f records/s, %.2f µs of CPU a record%n",
        what,
        count / used.seconds,
        used.cpu * 1e6 / count);
  }

  private boolean query(GeneratedRecords made) throws Exception {
    LogDirectory log = open(made);
    out.printf("%n%d CPUs, heap of at most %d MB%n", system.getAvailableProcessors(), heap());
    long scanned = Math.min(SCANNED, log.size());
    Map<String, EntryFilter> queries = Queries.of(made);
    boolean isRight = true;
    double scan = 0;
    out.printf("| query | found | first, s | p50, s | worst, s | scan, s |%n");
    out.printf("|---|--:|--:|--:|--:|--:|%n");
    for (Map.Entry<String, EntryFilter> query : queries.entrySet()) {
      List<Double> times = new ArrayList<>();
      long found = 0;
      for (int i = 0; i < rounds; i++) {
        long begun = System.nanoTime();
        found = count(log, query.getValue(), 0);
        times.add((System.nanoTime() - begun) / 1e9);
      }
      long from = log.size() - scanned;
      if (scan == 0) {
        // The others take as long: each reads and parses all of it.
        long begun = System.nanoTime();
        scan(log, query.getValue(), EntryLookup.ALL, from);
        scan = (System.nanoTime() - begun) / 1e9 * log.size() / scanned;
      }
      row(query.getKey(), found, times, scan);
      isRight &= agrees(log, query.getKey(), query.getValue(), from);
    }
    EntryFilter workload = new EntryFilter.Builder().workload(made.busyWorkload()).build();
    List<Double> times = new ArrayList<>();
    int found = 0;
    for (int i = 0; i < rounds; i++) {
      long begun = System.nanoTime();
      try (LogIndex index = index(log)) {
        found = LastEntries.find(log, workload, index, LAST, (from, to, why) -> {}).size();
      }
      times.add((System.nanoTime() - begun) / 1e9);
    }
    row("newest " + LAST + " of a workload", found, times, scan);
    if (scanned < log.size()) {
      out.printf("the scan was of %,d records, and is scaled up%n", scanned);
    }
    return isRight;
  }

  private void row(String what, long found, List<Double> times, double scan) {
    out.printf(
        Locale.ROOT,
        "| %s | %,d | %.3f | %.3f | %.3f | %.1f |%n",
        what,
        found,
        times.getFirst(),
        Queries.median(times),
        times.stream().skip(times.size() > 1 ? 1 : 0).max(Double::compare).orElseThrow(),
        scan);
  }

  private LogIndex index(LogDirectory log) {
    return LogIndex.open(LogIndex.of(log.path()), log, out::println);
  }

  private long count(LogDirectory log, EntryFilter filter, long from) throws IOException {
    try (LogIndex index = index(log)) {
      return scan(log, filter, index, from);
    }
  }

  /** Whether the index finds what the scan finds, in the part that is scanned. */
  private boolean agrees(LogDirectory log, String what, EntryFilter filter, long from)
      throws IOException {
    long byIndex = count(log, filter, from);
    long byScan = scan(log, filter, EntryLookup.ALL, from);
    if (byIndex != byScan) {
      out.printf("%s: the index finds %,d, the scan %,d%n", what, byIndex, byScan);
    }
    return byIndex == byScan;
  }

  private static long scan(LogDirectory log, EntryFilter filter, EntryLookup lookup, long from)
      throws IOException {
    Counting counting = new Counting();
    LongConsumer nobody = done -> {};
    new EntryScan(log, filter, lookup.candidates(filter), nobody).run(from, log.size(), counting);
    return counting.found;
  }

  private static final class Counting implements EntryScan.Sink {
    private long found;

    @Override
    public boolean entry(AuditEntry entry) {
      found++;
      return true;
    }

    @Override
    public boolean unreadable(long from, long to, String why) throws IOException {
      throw new IOException("entries " + from + " to " + to + ": " + why);
    }
  }

  /** Time and CPU of work that is done in pieces. */
  private final class Used {
    private double seconds;
    private double cpu;
    private long begun;
    private long cpuBegun;

    void start() {
      begun = System.nanoTime();
      cpuBegun = system.getProcessCpuTime();
    }

    void stop() {
      seconds += (System.nanoTime() - begun) / 1e9;
      cpu += (system.getProcessCpuTime() - cpuBegun) / 1e9;
    }
  }

  private static long heap() {
    return Runtime.getRuntime().maxMemory() >> 20;
  }

  private static long bytes(Path directory) throws IOException {
    long[] sum = {0};
    Files.walkFileTree(
        directory,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            sum[0] += attributes.size();
            return FileVisitResult.CONTINUE;
          }
        });
    return sum[0];
  }
}
