package io.signetmesh.collector.log;

import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.entry.MalformedEntryException;
import io.signetmesh.collector.log.JournalLedger.Position;
import java.io.IOException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes a ledger from the entries of a log. */
final class LedgerReading {
  private static final Logger log = LoggerFactory.getLogger(LedgerReading.class);

  private LedgerReading() {}

  /**
   * Reads entries into a ledger. One that cannot be read is in the log for ever: it is left out.
   *
   * @return how many cannot be read
   */
  static long read(TileStore store, long from, long size, JournalLedger ledger) throws IOException {
    if (size - from > CollectorLog.SNAPSHOT_ENTRIES) {
      log.info("reading {} entries of the audit log", size - from);
    }
    LogReader reader = new LogReader(store, size);
    long unreadable = 0;
    for (long bundle = from / TilePath.WIDTH; bundle * TilePath.WIDTH < size; bundle++) {
      List<byte[]> entries = reader.bundle(bundle);
      long first = bundle * TilePath.WIDTH;
      for (int i = (int) Math.max(0, from - first); i < entries.size(); i++) {
        LogEntry entry;
        try {
          entry = LogEntry.parse(entries.get(i));
        } catch (MalformedEntryException e) {
          if (unreadable++ == 0) {
            log.error("entry {} of the audit log is of no known form", first + i, e);
          }
          continue;
        }
        long reached =
            switch (entry.content()) {
              case LogEntry.Line line -> line.sequence();
              case LogEntry.Missing missing -> missing.to();
            };
        JournalKey key = new JournalKey(entry.writer(), entry.journal());
        if (reached > ledger.durable(key)) {
          ledger.put(key, new Position(reached, entry.received().toEpochMilli()));
        }
      }
    }
    if (unreadable > 0) {
      log.error("{} entries of the audit log are of no known form, and left out", unreadable);
    }
    return unreadable;
  }
}
