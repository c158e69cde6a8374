package io.signetmesh.collector.verify;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.LogVerifier;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.MinimumIndex;
import io.signetmesh.audit.tlog.Proofs;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.audit.tlog.TreeHash;
import io.signetmesh.collector.entry.Deletion;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LogDirectory;
import io.signetmesh.collector.verify.CheckResult.Witnessed;
import io.signetmesh.collector.verify.Finding.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Checks a log in a directory against its signed checkpoint: each entry, each hash, the sequence
 * numbers of each journal, and that it continues from an earlier checkpoint. Memory does not grow
 * with the number of entries. A collector may write to the log meanwhile.
 */
public final class LogCheck {
  private final Path directory;
  private final TrustedKeys keys;
  private final byte @Nullable [] earlier;
  private final LongConsumer progress;
  private final Findings findings = new Findings();

  private LogCheck(
      Path directory, TrustedKeys keys, byte @Nullable [] earlier, LongConsumer progress) {
    this.directory = directory;
    this.keys = keys;
    this.earlier = earlier;
    this.progress = progress;
  }

  /**
   * Checks a log.
   *
   * @param earlier a checkpoint of the log that was kept elsewhere, which it has to continue from;
   *     null when there is none
   * @param progress told how many entries were read so far; each one is read twice
   * @throws MalformedLogException when {@code earlier} is no checkpoint by the key
   * @throws IOException when the log cannot be read
   */
  public static CheckResult run(
      Path directory, TrustedKeys keys, byte @Nullable [] earlier, LongConsumer progress)
      throws IOException {
    return new LogCheck(directory, keys, earlier, progress).run();
  }

  private CheckResult run() throws IOException {
    Checkpoint before = earlier == null ? null : keys.open(earlier);
    LogDirectory log;
    try {
      log = LogDirectory.open(directory, keys.log());
    } catch (MalformedLogException e) {
      unopened(String.valueOf(e.getMessage()));
      return result(null, List.of(), null);
    }
    List<Witnessed> witnesses = cosigned(log);
    pending(log);
    minimum(log);
    LogVerifier.verify(log.store(), log.checkpoint(), log.minimum(), progress)
        .forEach(damage -> findings.accept(Finding.of(damage)));
    new EdgeTiles(directory, log, findings).check();
    if (before != null) {
      continues(before, log);
    }
    Counts counts = sequences(log);
    return result(log, witnesses, counts);
  }

  private CheckResult result(
      @Nullable LogDirectory log, List<Witnessed> witnesses, @Nullable Counts counts) {
    return new CheckResult(
        keys.log().name(),
        log == null ? null : log.checkpoint(),
        log == null ? null : log.note(),
        log == null ? 0 : log.minimum(),
        log == null ? 0 : log.size(),
        witnesses,
        counts,
        findings.list());
  }

  /**
   * The newest checkpoint that witnesses have cosigned, of which the log has to be a later state.
   */
  private List<Witnessed> cosigned(LogDirectory log) throws IOException {
    byte[] found = null;
    try {
      found = log.store().get(TileStore.COSIGNED);
      if (found == null) {
        return keys.witnessed(log.note());
      }
      Checkpoint cosigned = keys.open(found);
      String wrong = history(cosigned, log);
      if (wrong != null) {
        findings.add(Kind.HISTORY, 0, cosigned.size(), TileStore.COSIGNED, wrong);
      }
      return keys.witnessed(SignedNote.parse(found));
    } catch (MalformedLogException e) {
      findings.add(
          Kind.CHECKPOINT,
          0,
          0,
          found == null ? TileStore.CHECKPOINT : TileStore.COSIGNED,
          String.valueOf(e.getMessage()));
      return List.of();
    }
  }

  /** Reports why the log cannot be opened: its checkpoint, or the note of what was deleted. */
  private void unopened(String message) throws IOException {
    String where = message.startsWith(TileStore.MINIMUM) ? TileStore.MINIMUM : TileStore.CHECKPOINT;
    try {
      MinimumIndex.read(FileTileStore.toRead(directory), keys.log());
    } catch (MalformedLogException e) {
      where = message.equals(e.getMessage()) ? TileStore.MINIMUM : where;
    }
    findings.add(Kind.CHECKPOINT, 0, 0, where, message);
  }

  /** The note of what was deleted was verified when the log was opened, but for its form. */
  private void minimum(LogDirectory log) throws IOException {
    byte[] found = log.store().get(TileStore.MINIMUM);
    if (found != null && !Arrays.equals(SignedNote.parse(found).bytes(), found)) {
      findings.add(Kind.CHECKPOINT, 0, 0, TileStore.MINIMUM, "it is not the one form of its note");
    }
  }

  /** The checkpoint that is published next, which the writer takes up after a crash. */
  private void pending(LogDirectory log) throws IOException {
    byte[] next;
    try {
      next = log.store().get(TileStore.PENDING);
    } catch (MalformedLogException e) {
      next = new byte[0];
    }
    if (next == null) {
      return;
    }
    String wrong = null;
    try {
      Checkpoint pending = keys.open(next);
      if (pending.size() < log.size()) {
        wrong = "it is of " + pending.size() + " entries: expected " + log.size() + " or more";
      } else if (pending.size() == log.size()
          && !SignedNote.parse(next).text().equals(log.note().text())) {
        wrong = "it says something else than the checkpoint of the same size";
      }
    } catch (MalformedLogException e) {
      wrong = String.valueOf(e.getMessage());
    }
    if (wrong != null) {
      findings.add(Kind.CHECKPOINT, 0, 0, TileStore.PENDING, wrong);
    }
  }

  private void continues(Checkpoint before, LogDirectory log) throws IOException {
    String wrong = history(before, log);
    if (wrong != null) {
      findings.add(Kind.HISTORY, 0, before.size(), TileStore.CHECKPOINT, wrong);
    }
  }

  /** Why a log is no later state of a checkpoint; null when it is. */
  private static @Nullable String history(Checkpoint before, LogDirectory log) throws IOException {
    if (before.size() > log.size()) {
      return "the log has "
          + log.size()
          + " entries, and had "
          + before.size()
          + " at the earlier checkpoint: an older state was brought back";
    }
    try {
      List<TreeHash> proof = log.reader().consistency(before.size());
      return Proofs.isConsistent(
              before.size(), before.root(), log.size(), log.checkpoint().root(), proof)
          ? null
          : "the first "
              + before.size()
              + " entries are not those of the earlier checkpoint: history was rewritten";
    } catch (MalformedLogException e) {
      return "cannot be compared with the earlier checkpoint: " + e.getMessage();
    }
  }

  /** Follows the journals through the entries that are not damaged. */
  private Counts sequences(LogDirectory log) throws IOException {
    Damaged damaged = new Damaged(findings.list());
    long[] stated = {0};
    SequenceCheck sequences = new SequenceCheck(log.minimum() == 0, findings);
    EntryScan scan = new EntryScan(log, entry -> true, done -> progress.accept(log.size() + done));
    scan.run(
        log.minimum(),
        log.size(),
        new EntryScan.Sink() {
          @Override
          public boolean entry(AuditEntry entry) {
            if (damaged.hasOneOf(entry.index(), entry.index() + 1)) {
              sequences.passOver(1);
            } else {
              sequences.add(entry);
              stated[0] = Math.max(stated[0], keptFrom(entry));
            }
            return true;
          }

          @Override
          public boolean unreadable(long from, long to, String why) {
            sequences.passOver(to - from);
            if (!damaged.hasOneOf(from, to)) {
              findings.add(Kind.UNREADABLE, from, to, "entries", why);
            }
            return true;
          }
        });
    if (log.minimum() > stated[0]) {
      findings.add(
          Kind.PRUNED,
          0,
          log.minimum(),
          TileStore.MINIMUM,
          "the entries were deleted, and no entry of the log states it");
    }
    return sequences.counts();
  }

  /** The first entry that is kept, when an entry is the collector's and says so; else 0. */
  private static long keptFrom(AuditEntry entry) {
    if (!entry.writer().equals(Deletion.WRITER)
        || !(entry.event() instanceof AuditEntry.Administrative act)
        || !Deletion.ACT.equals(act.act())) {
      return 0;
    }
    try {
      return Long.parseLong(act.attributes().getOrDefault(Deletion.KEPT_FROM, "0"));
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  /** Entries that are not what they were: what they say of journals does not count. */
  private static final class Damaged {
    private final long[] from;
    private final long[] to;

    Damaged(List<Finding> findings) {
      List<Finding> content = new ArrayList<>();
      for (Finding finding : findings) {
        switch (finding.kind()) {
          case MISSING, MALFORMED, CHANGED, REMOVED, INSERTED, REORDERED, FOREIGN ->
              content.add(finding);
          default -> {
            // Says nothing of what the entries hold.
          }
        }
      }
      from = content.stream().mapToLong(Finding::from).toArray();
      to = content.stream().mapToLong(Damaged::end).toArray();
    }

    /** What is behind a removed or inserted entry has another place in its bundle. */
    private static long end(Finding finding) {
      return switch (finding.kind()) {
        case REMOVED, INSERTED -> (finding.from() / TilePath.WIDTH + 1) * TilePath.WIDTH;
        default -> finding.to();
      };
    }

    boolean hasOneOf(long first, long end) {
      for (int i = 0; i < from.length; i++) {
        if (from[i] < end && first < to[i]) {
          return true;
        }
      }
      return false;
    }
  }

  static boolean isPrefix(byte[] prefix, byte[] whole) {
    return prefix.length <= whole.length
        && Arrays.equals(prefix, 0, prefix.length, whole, 0, prefix.length);
  }
}
