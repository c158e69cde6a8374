package io.signetmesh.collector.index;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.collector.SampleLog;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryLookup;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LastEntries;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;

/** Whatever is looked for in whatever log, an index finds what a scan finds. */
final class LogIndexProperties {
  private static final String[] CLIENTS = {
    "web.shop.id", "cart.shop.id", "cart.bank.id", "*", "é.shop.id", "", "\ud83d\ude00", "1"
  };
  private static final String[] ADDRESSES = {
    "10.1.0.4:40112",
    "10.1.0.4",
    "10.1.0.40:1",
    "[fd00::1]:7",
    "fd00::1",
    "10.2.0.1:999999",
    "web.shop.id:80",
    ":",
    "x:"
  };
  private static final String[] NAMES = {
    "policy.linkerd.io/server/web", "web", "a/web", "a/web/", "policy.linkerd.io/server/webs", "/"
  };
  private static final String[] PATHS = {
    "/orders/7", "/orders/70", "/", "", "/a\\ud83d", "/\\ud83d\\ude00", "/long"
  };
  private static final String[] CODES = {"allow", "deny", "authorized", "no-route"};
  private static final String[] PATTERNS = {
    "*",
    "w*",
    "*b",
    "*.shop.*",
    "10.1.0.4*",
    "*:7",
    "10.1.0.4:4*",
    "10.1.0.0/16",
    "::/0",
    "1*1*",
    "/orders/7*",
    "/*\ud83d*",
    "\ud83d*",
    "a/*",
    "[fd00::1]*",
    "*40112",
    "10.1*12"
  };

  private static @Nullable String some(Random random, String[] values) {
    return random.nextInt(4) == 0 ? null : values[random.nextInt(values.length)];
  }

  private static void field(StringBuilder out, String name, @Nullable String value) {
    if (value != null) {
      String whole = value.equals("/long") ? "/long".repeat(1000) : value;
      out.append(out.charAt(out.length() - 1) == '{' ? "" : ",");
      out.append('"').append(name).append("\":\"").append(whole).append('"');
    }
  }

  private static String decision(Random random) {
    StringBuilder out = new StringBuilder("\"decision\":{");
    field(out, "workload", some(random, NAMES));
    field(out, "server", some(random, NAMES));
    field(out, "route", some(random, NAMES));
    field(out, "client_identity", some(random, CLIENTS));
    field(out, "client_address", some(random, ADDRESSES));
    field(out, "path", some(random, PATHS));
    field(out, "verdict", some(random, CODES));
    field(out, "reason", some(random, CODES));
    field(out, "authorization", some(random, NAMES));
    if (random.nextInt(3) == 0) {
      out.append(out.charAt(out.length() - 1) == '{' ? "" : ",").append("\"trial\":{");
      field(out, "verdict", some(random, CODES));
      out.append('}');
    }
    return out.append('}').toString();
  }

  private static void entry(SampleLog log, Random random) throws IOException {
    String writer = CLIENTS[random.nextInt(3)];
    int journal = random.nextInt(3);
    boolean isForeign = random.nextInt(8) == 0;
    switch (random.nextInt(14)) {
      case 0 -> log.raw("nonsense".getBytes(UTF_8));
      case 1 ->
          log.record(writer, journal, isForeign, "\"gap\":{\"lost\":3,\"workload\":\"a/web\"}");
      case 2 -> log.record(writer, journal, isForeign, "\"gap\":{\"lost\":3}");
      case 3 -> log.missing(writer, journal, 1000, 1000 + random.nextInt(9));
      case 4 -> log.record(writer, journal, isForeign, "\"administrative\":{\"act\":\"deny\"}");
      case 5 -> log.record(writer, journal, isForeign, "\"head\":{\"first\":1}");
      default -> log.record(writer, journal, isForeign, decision(random));
    }
  }

  private static @Nullable String wanted(Random random, int odds, String[] values) {
    if (random.nextInt(odds) != 0) {
      return null;
    }
    return random.nextBoolean()
        ? PATTERNS[random.nextInt(PATTERNS.length)]
        : values[random.nextInt(values.length)];
  }

  private static EntryFilter filter(Random random, int entries) {
    int odds = random.nextInt(2, 12);
    EntryFilter.Builder filter = new EntryFilter.Builder();
    try {
      filter.client(wanted(random, odds, random.nextBoolean() ? CLIENTS : ADDRESSES));
    } catch (IllegalArgumentException e) {
      // It looks like a network and is none.
    }
    return filter
        .since(time(random, odds, entries))
        .until(time(random, odds, entries))
        .kind(
            random.nextInt(odds) == 0
                ? EntryFilter.Kind.values()[random.nextInt(EntryFilter.Kind.values().length)]
                : null)
        .verdict(wanted(random, odds, CODES))
        .wouldBe(wanted(random, odds, CODES))
        .reason(wanted(random, odds, CODES))
        .workload(wanted(random, odds, NAMES))
        .server(wanted(random, odds, NAMES))
        .route(wanted(random, odds, NAMES))
        .path(wanted(random, odds, PATHS))
        .policy(wanted(random, odds, NAMES))
        .writer(wanted(random, odds, CLIENTS))
        .act(wanted(random, odds, CODES))
        .foreign(
            random.nextInt(odds) == 0
                ? EntryFilter.Foreign.values()[random.nextInt(3)]
                : EntryFilter.Foreign.INCLUDE)
        .build();
  }

  private static @Nullable Instant time(Random random, int odds, int entries) {
    return random.nextInt(odds) == 0
        ? SampleLog.BEGIN.plusMillis(random.nextInt(-100, entries * 100 + 100))
        : null;
  }

  private static List<String> scan(LogDirectory log, EntryFilter filter, EntryLookup lookup)
      throws IOException {
    List<String> found = new ArrayList<>();
    new EntryScan(log, filter, lookup.candidates(filter), done -> {})
        .run(
            log.minimum(),
            log.size(),
            new EntryScan.Sink() {
              @Override
              public boolean entry(AuditEntry entry) {
                return found.add(Long.toString(entry.index()));
              }

              @Override
              public boolean unreadable(long from, long to, String why) {
                return found.add("unreadable " + from + " to " + to);
              }
            });
    return found;
  }

  private static List<Long> last(LogDirectory log, EntryFilter filter, EntryLookup lookup, int most)
      throws IOException {
    return LastEntries.find(log, filter, lookup, most, (from, to, why) -> {}).stream()
        .map(AuditEntry::index)
        .toList();
  }

  @Property(tries = 30)
  void anIndexFindsWhatAScanFinds(@ForAll long seed) throws IOException {
    Random random = new Random(seed);
    Path directory = Files.createTempDirectory("log-index");
    Path index = directory.resolve("index");
    long partSize = TilePath.WIDTH * random.nextLong(1, 4);
    int entries = 0;
    try (SampleLog made = new SampleLog(directory.resolve("log"))) {
      for (int part = random.nextInt(1, 4); part > 0; part--) {
        int more = random.nextInt(1, 500);
        for (int i = 0; i < more; i++) {
          entry(made, random);
        }
        made.append();
        entries += more;
        long before = entries / TilePath.WIDTH / 2 * TilePath.WIDTH;
        if (random.nextInt(4) == 0 && before > 0) {
          made.deleteBefore(before);
          entries++;
        }
        if (random.nextInt(3) > 0) {
          LogDirectory now = LogDirectory.open(directory.resolve("log"), null);
          try (LogIndexWriter writer = LogIndexWriter.open(index, 1 << 20, 2, partSize)) {
            while (writer.extend(now, random.nextLong(1, 400), done -> {}) < now.size()) {
              if (random.nextInt(5) == 0) {
                break;
              }
            }
          }
        }
      }
    }
    LogDirectory log = LogDirectory.open(directory.resolve("log"), null);
    List<String> notes = new ArrayList<>();
    try (LogIndex opened = LogIndex.open(index, log, partSize, notes::add)) {
      if (opened.covered() > 0) {
        assertThat(notes).isEmpty();
      }
      for (int i = 0; i < 40; i++) {
        EntryFilter filter = filter(random, entries);
        assertThat(scan(log, filter, opened))
            .describedAs("%s", filter)
            .isEqualTo(scan(log, filter, EntryLookup.ALL));
        int most = random.nextInt(1, 20);
        assertThat(last(log, filter, opened, most))
            .describedAs("last %d of %s", most, filter)
            .isEqualTo(last(log, filter, EntryLookup.ALL, most));
      }
    } finally {
      delete(directory);
    }
  }

  private static void delete(Path directory) throws IOException {
    try (var all = Files.walk(directory)) {
      for (Path one : all.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(one);
      }
    }
  }
}
