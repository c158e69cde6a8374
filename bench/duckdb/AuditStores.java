import io.signetmesh.bench.audit.GeneratedRecords;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Administrative;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.ClientPattern;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryParser;
import java.io.FileWriter;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.MultiReader;
import org.apache.lucene.index.IndexReader;
import org.apache.lucene.index.PostingsEnum;
import org.apache.lucene.index.Term;
import org.apache.lucene.index.Terms;
import org.apache.lucene.index.TermsEnum;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.PrefixQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreMode;
import org.apache.lucene.search.Scorer;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.Weight;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.FixedBitSet;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;

/**
 * Measures DuckDB, with its own file and with Parquet, beside the Lucene index of the same generated
 * records: what they take to be made, and how long they take to say which entries are wanted. It is no
 * part of the build, so that nobody else needs DuckDB. bench/duckdb/run runs it.
 */
public final class AuditStores {
  private static final String COLUMNS =
      "n BIGINT, time BIGINT, kind VARCHAR, is_foreign BOOLEAN, writer VARCHAR, verdict VARCHAR,"
          + " would_be VARCHAR, reason VARCHAR, server VARCHAR, route VARCHAR, path VARCHAR,"
          + " policy VARCHAR, workload VARCHAR, client VARCHAR, address VARCHAR, act VARCHAR";

  private final GeneratedRecords made;
  private final Path directory;
  private final long from;
  private final long to;

  private AuditStores(long records, Path directory) {
    made = new GeneratedRecords(records);
    this.directory = directory;
    from = GeneratedRecords.BEGIN.plus(Duration.ofHours(9)).toEpochMilli();
    to = GeneratedRecords.BEGIN.plus(Duration.ofHours(10)).toEpochMilli();
  }

  /** Arguments: number of records, directory that bench/run audit-query has written, what to do. */
  public static void main(String[] args) throws Exception {
    AuditStores stores = new AuditStores(Long.parseLong(args[0]), Path.of(args[1]));
    switch (args[2]) {
      case "make" -> stores.make();
      case "duckdb" -> stores.duckdb(false);
      case "parquet" -> stores.duckdb(true);
      case "lucene" -> stores.lucene();
      default -> throw new IllegalArgumentException(args[2] + ": make, duckdb, parquet or lucene");
    }
    System.out.printf("peak resident memory %d MB%n", peak());
  }

  private static double cpu() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
            .getProcessCpuTime()
        / 1e9;
  }

  private static long peak() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmHWM"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024)
        .findFirst()
        .orElse(0);
  }

  private static void drop() throws IOException {
    try (FileWriter out = new FileWriter("/proc/sys/vm/drop_caches")) {
      out.write("1");
    } catch (IOException e) {
      System.out.println("the page cache cannot be dropped: " + e.getMessage());
    }
  }

  private void make() throws Exception {
    double cpuBegun = cpu();
    long begun = System.nanoTime();
    long sum = 0;
    for (long n = 0; n < made.total(); n++) {
      sum += EntryParser.parse(n, made.entry(n)).sequence();
    }
    told("making and parsing entries", begun, cpuBegun);
    Path file = directory.resolve("entries.duckdb");
    Files.deleteIfExists(file);
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:" + file);
        Statement statement = connection.createStatement()) {
      statement.execute("SET memory_limit='512MB'");
      statement.execute("CREATE TABLE entries (" + COLUMNS + ")");
      cpuBegun = cpu();
      begun = System.nanoTime();
      try (DuckDBAppender rows =
          ((DuckDBConnection) connection).createAppender("main", "entries")) {
        for (long n = 0; n < made.total(); n++) {
          append(rows, EntryParser.parse(n, made.entry(n)));
        }
      }
      statement.execute("CHECKPOINT");
      told("DuckDB's file, with making and parsing", begun, cpuBegun);
      Path parquet = directory.resolve("entries.parquet");
      cpuBegun = cpu();
      begun = System.nanoTime();
      statement.execute(
          "COPY (SELECT * FROM entries ORDER BY n) TO '"
              + parquet
              + "' (FORMAT parquet, COMPRESSION zstd)");
      told("Parquet from it", begun, cpuBegun);
      System.out.printf(
          Locale.ROOT,
          "bytes a record: DuckDB %.1f, Parquet %.1f%n",
          (double) Files.size(file) / made.total(),
          (double) Files.size(parquet) / made.total());
    }
  }

  private void told(String what, long begun, double cpuBegun) {
    double seconds = (System.nanoTime() - begun) / 1e9;
    System.out.printf(
        Locale.ROOT,
        "%s: %,.0f records/s, %.2f us of CPU a record%n",
        what,
        made.total() / seconds,
        (cpu() - cpuBegun) * 1e6 / made.total());
  }

  private static void append(DuckDBAppender rows, AuditEntry entry) throws Exception {
    rows.beginRow();
    rows.append(entry.index());
    rows.append(entry.timeOrReceived().toEpochMilli());
    rows.append(EntryFilter.Kind.of(entry.event()).name());
    rows.append(entry.foreign());
    rows.append(entry.writer());
    if (entry.event() instanceof Decision decision) {
      rows.append(decision.verdict());
      rows.append(decision.trial() == null ? (String) null : decision.trial().verdict());
      rows.append(decision.reason());
      rows.append(decision.server());
      rows.append(decision.route());
      rows.append(decision.path());
      rows.append(decision.authorization());
      rows.append(decision.workload());
      rows.append(decision.clientIdentity());
      rows.append(ClientPattern.host(decision.clientAddress()));
      rows.append((String) null);
    } else {
      for (int i = 0; i < 7; i++) {
        rows.append((String) null);
      }
      rows.append(entry.event() instanceof Gap gap ? gap.workload() : null);
      rows.append((String) null);
      rows.append((String) null);
      rows.append(entry.event() instanceof Administrative act ? act.act() : null);
    }
    rows.endRow();
  }

  /** A question: says how many it has found. */
  private interface Asked {
    long ask() throws Exception;
  }

  private void measure(Map<String, Asked> questions, Asked opened) throws Exception {
    for (Map.Entry<String, Asked> question : questions.entrySet()) {
      drop();
      long begun = System.nanoTime();
      opened.ask();
      long found = question.getValue().ask();
      double cold = (System.nanoTime() - begun) / 1e9;
      List<Double> warm = new ArrayList<>();
      for (int i = 0; i < 9; i++) {
        begun = System.nanoTime();
        question.getValue().ask();
        warm.add((System.nanoTime() - begun) / 1e9);
      }
      warm.sort(null);
      System.out.printf(
          Locale.ROOT,
          "| %s | %,d | %.3f | %.3f |%n",
          question.getKey(),
          found,
          cold,
          warm.get(warm.size() / 2));
    }
  }

  private void duckdb(boolean isParquet) throws Exception {
    Path file = directory.resolve("entries.duckdb");
    String table = isParquet ? "'" + directory.resolve("entries.parquet") + "'" : "entries";
    Map<String, String> queries = new LinkedHashMap<>();
    queries.put(
        "denials of a client",
        "SELECT n FROM %s WHERE verdict = 'deny' AND client = '" + made.busyClient() + "'");
    queries.put(
        "denials by reason in an hour",
        "SELECT n FROM %s WHERE reason = 'rate-limited' AND time >= " + from + " AND time < " + to);
    queries.put("a rare route", "SELECT n FROM %s WHERE route LIKE '%%/ledger-admin-export'");
    queries.put(
        "would-be denials by client",
        "SELECT client, count(*) FROM %s WHERE would_be = 'deny' GROUP BY client");
    queries.put(
        "newest 100 of a workload",
        "SELECT n FROM %s WHERE workload = '" + made.busyWorkload() + "' ORDER BY n DESC LIMIT 100");
    queries.put("everything by verdict", "SELECT verdict, count(*) FROM %s GROUP BY verdict");
    queries.put("a path prefix", "SELECT n FROM %s WHERE path LIKE '/api/v1/invoices/19999%%'");
    Connection[] open = {connect(isParquet, file)};
    Map<String, Asked> asked = new LinkedHashMap<>();
    queries.forEach(
        (what, sql) ->
            asked.put(
                what,
                () -> {
                  long rows = 0;
                  try (Statement statement = open[0].createStatement();
                      ResultSet found = statement.executeQuery(sql.formatted(table))) {
                    while (found.next()) {
                      rows++;
                    }
                  }
                  return rows;
                }));
    measure(
        asked,
        () -> {
          open[0].close();
          open[0] = connect(isParquet, file);
          return 0;
        });
    open[0].close();
  }

  private static Connection connect(boolean isParquet, Path file) throws Exception {
    Connection connection = DriverManager.getConnection("jdbc:duckdb:" + (isParquet ? "" : file));
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET memory_limit='512MB'");
    }
    return connection;
  }

  private static IndexReader open(Path index) throws IOException {
    List<IndexReader> parts = new ArrayList<>();
    try (var found = Files.list(index)) {
      for (Path part : found.filter(Files::isDirectory).sorted().toList()) {
        parts.add(DirectoryReader.open(FSDirectory.open(part)));
      }
    }
    return new MultiReader(parts.toArray(IndexReader[]::new), true);
  }

  private static Query term(String field, String value) {
    return new TermQuery(new Term(field, value));
  }

  private static Query all(Query... clauses) {
    BooleanQuery.Builder all = new BooleanQuery.Builder();
    for (Query clause : clauses) {
      all.add(clause, Occur.FILTER);
    }
    return all.build();
  }

  private static FixedBitSet found(IndexReader reader, Query query) throws IOException {
    IndexSearcher searcher = new IndexSearcher(reader);
    searcher.setQueryCache(null);
    Weight weight =
        searcher.createWeight(searcher.rewrite(query), ScoreMode.COMPLETE_NO_SCORES, 1);
    FixedBitSet bits = new FixedBitSet(reader.maxDoc());
    for (LeafReaderContext leaf : reader.leaves()) {
      Scorer scorer = weight.scorer(leaf);
      if (scorer != null) {
        DocIdSetIterator docs = scorer.iterator();
        for (int doc = docs.nextDoc(); doc != DocIdSetIterator.NO_MORE_DOCS; doc = docs.nextDoc()) {
          bits.set(leaf.docBase + doc);
        }
      }
    }
    return bits;
  }

  /** Counts documents of a set by the values of a field. */
  private static Map<String, Long> by(IndexReader reader, FixedBitSet of, String field)
      throws IOException {
    Map<String, Long> counts = new LinkedHashMap<>();
    for (LeafReaderContext leaf : reader.leaves()) {
      Terms terms = leaf.reader().terms(field);
      if (terms == null) {
        continue;
      }
      TermsEnum each = terms.iterator();
      PostingsEnum postings = null;
      while (each.next() != null) {
        long count = 0;
        if (of == null) {
          count = each.docFreq();
        } else {
          postings = each.postings(postings, PostingsEnum.NONE);
          for (int doc = postings.nextDoc();
              doc != DocIdSetIterator.NO_MORE_DOCS;
              doc = postings.nextDoc()) {
            count += of.get(leaf.docBase + doc) ? 1 : 0;
          }
        }
        if (count > 0) {
          counts.merge(each.term().utf8ToString(), count, Long::sum);
        }
      }
    }
    return counts;
  }

  private void lucene() throws Exception {
    Path index = directory.resolve("index");
    IndexReader[] open = {open(index)};
    Map<String, Asked> asked = new LinkedHashMap<>();
    asked.put(
        "denials of a client",
        () ->
            found(open[0], all(term("verdict", "deny"), term("client", made.busyClient())))
                .cardinality());
    asked.put(
        "denials by reason in an hour",
        () ->
            found(
                    open[0],
                    all(
                        term("reason", "rate-limited"),
                        NumericDocValuesField.newSlowRangeQuery("time", from, to - 1)))
                .cardinality());
    asked.put(
        "a rare route",
        () -> found(open[0], term("route", GeneratedRecords.RARE_ROUTE)).cardinality());
    asked.put(
        "would-be denials by client",
        () -> by(open[0], found(open[0], term("would_be", "deny")), "client").size());
    asked.put(
        "newest 100 of a workload",
        () -> {
          FixedBitSet bits = found(open[0], term("workload", made.busyWorkload()));
          int count = 0;
          for (int at = bits.prevSetBit(bits.length() - 1); at >= 0 && count < 100; count++) {
            at = at == 0 ? -1 : bits.prevSetBit(at - 1);
          }
          return count;
        });
    asked.put("everything by verdict", () -> by(open[0], null, "verdict").size());
    asked.put(
        "a path prefix",
        () ->
            found(open[0], new PrefixQuery(new Term("path", "/api/v1/invoices/19999")))
                .cardinality());
    measure(
        asked,
        () -> {
          open[0].close();
          open[0] = open(index);
          return 0;
        });
    open[0].close();
  }
}
