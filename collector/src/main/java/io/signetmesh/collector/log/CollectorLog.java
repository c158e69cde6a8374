package io.signetmesh.collector.log;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.LogWriter;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.MinimumIndex;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.NoteSigner;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.audit.tlog.TreeHash;
import io.signetmesh.collector.entry.Deletion;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.log.Addition.Outcome;
import io.signetmesh.collector.log.JournalLedger.Position;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The log of a collector in a directory: {@code log} (tiles and checkpoint), {@code log.key},
 * {@code log.vkey} and {@code ledger}. Each record of a journal is in it once, whatever is
 * delivered again and whatever fails in between; what a journal's writer left out is noted in its
 * place. Thread-safe; appends come one after the other.
 */
public final class CollectorLog implements AutoCloseable {
  /** Directory of the tiles and the checkpoint. */
  public static final String TILES = "log";

  /** File of the private key. */
  public static final String KEY = "log.key";

  /** Journals of a writer that are known. */
  public static final int MAX_JOURNALS = JournalLedger.MAX_OF_WRITER;

  /** File of the verifier key, one line. */
  public static final String VERIFIER_KEY = "log.vkey";

  /** File of the ledger's snapshot. */
  public static final String LEDGER = "ledger";

  /** Entries between two snapshots: what is read again after a crash. */
  static final int SNAPSHOT_ENTRIES = 65_536;

  private static final String PROBE = "probe";
  private static final int PROBE_BYTES = 64 * 1024;

  private static final Logger log = LoggerFactory.getLogger(CollectorLog.class);

  private final TileStore store;
  private final NoteSigner signer;
  private final LogWriter writer;
  private final JournalLedger ledger;
  private final Path snapshotFile;
  private final AutoCloseable lock;

  /** Entries of the log when the snapshot was written, and when that was tried last. */
  private long snapshotSize;

  private long snapshotTried;

  /** Up to where the deletion of entries was stated since the log was opened. */
  private long stated;

  private long unreadable;
  private FreeSpace space = new FreeSpace("memory", () -> 0, () -> 0);

  /** An append of which it is not known whether it is in the log; null when there is none. */
  private @Nullable Uncertain uncertain;

  /** Where journals are if the log has this size. */
  private record Uncertain(long size, Map<JournalKey, Position> positions) {}

  private CollectorLog(
      TileStore store,
      NoteSigner signer,
      LogWriter writer,
      JournalLedger ledger,
      Path snapshotFile,
      long snapshotSize,
      AutoCloseable lock) {
    this.store = store;
    this.signer = signer;
    this.writer = writer;
    this.ledger = ledger;
    this.snapshotFile = snapshotFile;
    this.snapshotSize = snapshotSize;
    this.snapshotTried = snapshotSize;
    this.lock = lock;
  }

  /**
   * Opens the log of a directory, or begins it when the directory has none.
   *
   * @param origin name of the log, and of its key
   * @param least entries that the log has at least, by what is known elsewhere
   * @throws IOException when it cannot be read or written, another process has it, it is of another
   *     origin or key, or it is an older state than is known: nothing is appended then
   */
  public static CollectorLog open(Path directory, String origin, FsyncPolicy fsync, long least)
      throws IOException {
    StateFiles.createDirectory(directory);
    FileTileStore store = FileTileStore.toWrite(directory.resolve(TILES), fsync != FsyncPolicy.OS);
    boolean opened = false;
    try {
      boolean begins = store.isEmpty();
      NoteSigner signer = LogKey.open(directory.resolve(KEY), origin, NoteKey.Type.NOTE, begins);
      CollectorLog log = open(store, signer, directory.resolve(LEDGER), least, store);
      log.space = FreeSpace.of(directory);
      Path key = directory.resolve(VERIFIER_KEY);
      String text = signer.key() + "\n";
      if (!Files.exists(key) || !Files.readString(key).equals(text)) {
        StateFiles.writePublic(key, text);
      }
      opened = true;
      return log;
    } finally {
      if (!opened) {
        store.close();
      }
    }
  }

  /**
   * Opens the log of a store.
   *
   * @param lock closed with the log
   */
  static CollectorLog open(
      TileStore store, NoteSigner signer, Path snapshotFile, long least, AutoCloseable lock)
      throws IOException {
    if (store.isEmpty() && least == 0) {
      // A snapshot of a log that is gone says that it is gone.
      Optional<LedgerSnapshot> left = LedgerSnapshot.read(snapshotFile);
      if (left.isPresent() && left.get().size() > 0) {
        throw new MalformedLogException(
            store + " is empty, and " + snapshotFile + " is of " + left.get().size() + " entries");
      }
      LogWriter writer = LogWriter.create(store, signer);
      return new CollectorLog(store, signer, writer, new JournalLedger(), snapshotFile, 0, lock);
    }
    Optional<LedgerSnapshot> snapshot = LedgerSnapshot.read(snapshotFile);
    Checkpoint witnessed = cosigned(store, signer.key());
    long known = Math.max(least, snapshot.map(LedgerSnapshot::size).orElse(0L));
    LogWriter writer =
        LogWriter.open(
            store, signer, witnessed == null ? known : Math.max(known, witnessed.size()));
    long size = writer.checkpoint().size();
    if (witnessed != null && !hadRoot(store, witnessed.size(), witnessed.root())) {
      throw new MalformedLogException(
          store
              + " is not the log of which a witness has cosigned "
              + witnessed.size()
              + " entries with root "
              + witnessed.root());
    }
    JournalLedger ledger = new JournalLedger();
    long from = MinimumIndex.read(store, signer.key());
    MinimumIndex.requireWithin(from, size);
    long kept = 0;
    boolean isPruned = from > 0;
    if (snapshot.isPresent()) {
      LedgerSnapshot found = snapshot.get();
      if (hadRoot(store, found.size(), found.root())) {
        ledger = found.ledger();
        from = Math.max(from, found.size());
        kept = found.size();
        isPruned = false;
      } else {
        log.warn("{} is of another log; the log is read instead", snapshotFile);
      }
    }
    if (isPruned) {
      ledger.setIncomplete();
      log.warn(
          "{} is not usable, and entries before {} were deleted: of journals that are in none of"
              + " the others, what their writers still have is appended again",
          snapshotFile,
          from);
    }
    long unreadable = LedgerReading.read(store, from, size, ledger);
    CollectorLog opened = new CollectorLog(store, signer, writer, ledger, snapshotFile, kept, lock);
    opened.unreadable = unreadable;
    return opened;
  }

  private static boolean hadRoot(TileStore store, long size, TreeHash root) throws IOException {
    try {
      return new LogReader(store, size).root().equals(root);
    } catch (MalformedLogException e) {
      return false;
    }
  }

  /** Entries that were read when the log was opened and are of no known form. */
  public long unreadable() {
    return unreadable;
  }

  /** The key that verifies checkpoints; its name is the origin of the log. */
  public NoteKey key() {
    return signer.key();
  }

  /** Where the parts of the log are. */
  public TileStore store() {
    return store;
  }

  /** The newest checkpoint. */
  public Checkpoint checkpoint() {
    return writer.checkpoint();
  }

  /** The newest checkpoint with its signature. */
  public SignedNote note() {
    return writer.note();
  }

  /** Number of journals that are known. */
  public int journals() {
    return ledger.size();
  }

  /** The highest durable sequence number of a journal; 0 when there is none. */
  public long durable(JournalKey journal) {
    return ledger.durable(journal);
  }

  /** Whether a journal is known or may become so. */
  public boolean hasRoom(JournalKey journal, Instant now) {
    return ledger.hasRoom(journal, now.toEpochMilli(), 0);
  }

  /**
   * Appends records, all of them in one write. Those that the log has are left out; where numbers
   * are left out, what is missing is noted.
   *
   * @param now when they were received, for what is noted
   * @return what became of each, in their order; all is durable
   * @throws IOException when it cannot be written, or the file system has too little room. Whether
   *     it was is found out with the next call, which never appends a second time what is there
   */
  public synchronized List<Outcome> append(List<Addition> additions, Instant now)
      throws IOException {
    settle();
    space.require();
    return appendNow(additions, now);
  }

  private List<Outcome> appendNow(List<Addition> additions, Instant now) throws IOException {
    long millis = now.toEpochMilli();
    Map<JournalKey, Position> positions = new LinkedHashMap<>();
    Map<String, Integer> begun = new HashMap<>();
    List<byte[]> entries = new ArrayList<>();
    List<Outcome> outcomes = new ArrayList<>(additions.size());
    for (Addition addition : additions) {
      JournalKey key = addition.journal();
      Position staged = positions.get(key);
      long before = staged == null ? ledger.durable(key) : staged.durable();
      if (staged == null
          && addition.sequences().length > 0
          && !ledger.isHeld(key)
          && !key.equals(own())) {
        if (!ledger.hasRoom(key, millis, begun.getOrDefault(key.writer(), 0))) {
          outcomes.add(new Outcome.NoRoom());
          continue;
        }
        begun.merge(key.writer(), 1, Integer::sum);
      }
      Outcome.Durable outcome = stage(addition, before, ledger.isUnsure(key), now, entries);
      if (outcome.sequence() > before) {
        positions.put(key, new Position(outcome.sequence(), millis));
      }
      outcomes.add(outcome);
    }
    if (!entries.isEmpty()) {
      uncertain = new Uncertain(writer.checkpoint().size() + entries.size(), positions);
      writer.append(entries);
      uncertain = null;
      positions.forEach(ledger::put);
      snapshotIfDue();
    }
    return outcomes;
  }

  private static Outcome.Durable stage(
      Addition addition, long before, boolean unsure, Instant now, List<byte[]> entries) {
    long at = before;
    int duplicates = 0;
    long missing = 0;
    for (int i = 0; i < addition.sequences().length; i++) {
      long sequence = addition.sequences()[i];
      if (sequence <= at) {
        duplicates++;
        continue;
      }
      if (sequence - 1 > at) {
        entries.add(
            new LogEntry(
                    addition.journal().writer(),
                    addition.journal().journal(),
                    now,
                    false,
                    new LogEntry.Missing(at + 1, sequence - 1, unsure && at == 0))
                .bytes());
        missing += sequence - 1 - at;
      }
      entries.add(addition.entries().get(i));
      at = sequence;
    }
    return new Outcome.Durable(at, addition.sequences().length - duplicates, duplicates, missing);
  }

  /** Has the log leave room in another file system than its own, for tests. */
  synchronized void leave(FreeSpace free) {
    space = free;
  }

  /** Finds out whether an append that failed is in the log. */
  private void settle() throws IOException {
    Uncertain open = uncertain;
    if (open != null) {
      writer.append(List.of());
      if (writer.checkpoint().size() == open.size) {
        open.positions.forEach(ledger::put);
      }
      uncertain = null;
    }
  }

  /**
   * Finds out whether the log can be written again after a failure.
   *
   * @throws IOException when it cannot
   */
  public synchronized void probe() throws IOException {
    settle();
    space.require();
    Path probe = snapshotFile.resolveSibling(PROBE);
    StateFiles.writeSecret(probe, new byte[PROBE_BYTES]);
    Files.deleteIfExists(probe);
  }

  /**
   * Deletes the entries before an index, see {@link LogWriter#deleteBefore}. What the ledger knows
   * by them is kept first.
   *
   * @throws IOException when that cannot be kept, or some cannot be deleted
   */
  synchronized void deleteBefore(long index) throws IOException {
    settle();
    if (index > Math.max(stated, minimum())) {
      throw new IllegalStateException("entries before " + index + ": no entry states the deletion");
    }
    if (snapshotSize < index && !snapshot()) {
      throw new IOException(snapshotFile + " cannot be written: no entry is deleted");
    }
    writer.deleteBefore(index);
  }

  /**
   * States in the log that entries are deleted, so that they may be. Also when the file system has
   * little room, because it is to have more.
   *
   * @param to index of the first entry that is kept: a multiple of 256, not behind the last full
   *     bundle
   * @param reason by which bounds, for people
   * @throws IOException when it cannot be written
   */
  synchronized void stateDeletion(long to, String reason, Instant now) throws IOException {
    settle();
    long from = minimum();
    if (to <= Math.max(from, stated)) {
      return;
    }
    JournalKey own = own();
    long sequence = ledger.durable(own) + 1;
    byte[] entry = new Deletion(from, to, reason).entry(signer.key(), sequence, now).bytes();
    appendNow(List.of(new Addition(own, new long[] {sequence}, List.of(entry))), now);
    stated = to;
  }

  /** The journal of what the collector states itself. */
  private JournalKey own() {
    return new JournalKey(Deletion.WRITER, Deletion.journal(signer.key()));
  }

  /** The first entry that the log still has. */
  public long minimum() throws IOException {
    return MinimumIndex.read(store, signer.key());
  }

  /**
   * Keeps a checkpoint that a witness has cosigned.
   *
   * @throws IOException when it cannot be written
   */
  public void keepCosigned(SignedNote cosigned) throws IOException {
    store.put(TileStore.COSIGNED, cosigned.bytes());
  }

  /**
   * The newest checkpoint that a witness has cosigned; null when there is none.
   *
   * @throws IOException when it cannot be read, or is not of this log
   */
  public @Nullable Checkpoint cosigned() throws IOException {
    return cosigned(store, signer.key());
  }

  private static @Nullable Checkpoint cosigned(TileStore store, NoteKey key) throws IOException {
    byte[] found = store.get(TileStore.COSIGNED);
    return found == null ? null : Checkpoint.open(found, key);
  }

  private void snapshotIfDue() {
    if (writer.checkpoint().size() - snapshotTried >= SNAPSHOT_ENTRIES) {
      snapshot();
    }
  }

  /**
   * Keeps the ledger as it is.
   *
   * @return whether the file is of all entries now
   */
  synchronized boolean snapshot() {
    if (uncertain != null) {
      return false;
    }
    Checkpoint checkpoint = writer.checkpoint();
    // Not again for each append when it cannot be written.
    snapshotTried = checkpoint.size();
    try {
      new LedgerSnapshot(checkpoint.size(), checkpoint.root(), ledger).write(snapshotFile);
      snapshotSize = checkpoint.size();
      return true;
    } catch (IOException | RuntimeException e) {
      log.warn("{} cannot be written: more of the log is read at the next start", snapshotFile, e);
      return false;
    }
  }

  /** Keeps the ledger, and gives the log to another writer. */
  @Override
  public synchronized void close() throws IOException {
    if (writer.checkpoint().size() > snapshotSize) {
      snapshot();
    }
    try {
      lock.close();
    } catch (IOException e) {
      throw e;
    } catch (Exception e) {
      throw new IOException(store + " cannot be closed", e);
    }
  }
}
