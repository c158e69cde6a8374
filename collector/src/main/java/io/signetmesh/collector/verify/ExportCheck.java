package io.signetmesh.collector.verify;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.RangeProof;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.collector.export.ExportHeader;
import io.signetmesh.collector.export.ExportLine;
import io.signetmesh.collector.verify.CheckResult.Witnessed;
import io.signetmesh.collector.verify.ExportLines.Line;
import io.signetmesh.collector.verify.Finding.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Checks an export in JSON Lines by what it carries: that it has all entries of the range that it
 * names, unaltered and in their order. Nothing else of the log is needed, and memory does not grow
 * with the export.
 */
public final class ExportCheck {
  private final TrustedKeys keys;
  private final ExportLines lines;
  private final LongConsumer progress;
  private final Findings findings = new Findings();
  private @Nullable SequenceCheck sequences;
  private @Nullable Checkpoint newest;
  private @Nullable SignedNote newestNote;
  private List<Witnessed> witnesses = List.of();
  private long from = -1;
  private long to;

  private ExportCheck(TrustedKeys keys, InputStream in, LongConsumer progress) {
    this.keys = keys;
    this.lines = new ExportLines(in);
    this.progress = progress;
  }

  /**
   * Checks an export.
   *
   * @param in the export; not closed
   * @param progress told how many bytes were read
   * @throws IOException when it cannot be read
   */
  public static CheckResult run(InputStream in, TrustedKeys keys, LongConsumer progress)
      throws IOException {
    return new ExportCheck(keys, in, progress).run();
  }

  private CheckResult run() throws IOException {
    Line line = lines.next();
    if (line == null) {
      findings.add(Kind.MALFORMED, 0, 0, "line 1", "the export is empty: expected its header");
    }
    while (line != null) {
      part(line);
      line = lines.next();
    }
    return new CheckResult(
        keys.log().name(),
        newest,
        newestNote,
        Math.max(0, from),
        to,
        witnesses,
        sequences == null ? null : sequences.counts(),
        findings.list());
  }

  /** Checks a header and the lines behind it. */
  private void part(Line line) throws IOException {
    String where = "line " + line.number();
    ExportHeader header;
    Checkpoint checkpoint;
    try {
      if (!line.isWhole() || !ExportHeader.isHeader(line.bytes())) {
        throw new MalformedLogException("expected the header of an export");
      }
      header = ExportHeader.parse(line.bytes());
      checkpoint = keys.open(header.note().bytes());
      witnesses = keys.witnessed(header.note());
    } catch (MalformedLogException e) {
      findings.add(Kind.CHECKPOINT, 0, 0, where, String.valueOf(e.getMessage()));
      skip();
      return;
    }
    if (header.proof() == null) {
      findings.add(
          Kind.MALFORMED,
          header.from(),
          header.to(),
          where,
          "records were left out by a filter ("
              + header.filter()
              + "): only an export of all"
              + " records of a range can be verified");
      skip();
      return;
    }
    if (newest == null || checkpoint.size() >= newest.size()) {
      newest = checkpoint;
      newestNote = header.note();
    }
    begin(header, where);
    new Part(header, header.proof(), checkpoint).check();
    to = Math.max(to, header.to());
    progress.accept(lines.bytes());
  }

  private void begin(ExportHeader header, String where) {
    if (from < 0) {
      from = header.from();
      sequences = new SequenceCheck(from == 0, findings);
    } else if (header.from() > to) {
      findings.add(
          Kind.REMOVED,
          to,
          header.from(),
          where,
          "the part before ends with entry " + (to - 1) + ": expected one that begins behind it");
      passOver(header.from() - to);
    }
  }

  /** Passes over lines that cannot be verified. */
  private void skip() throws IOException {
    Line next = lines.peek(0);
    while (next != null && !ExportHeader.isHeader(next.bytes())) {
      lines.next();
      next = lines.peek(0);
    }
    passOver(1);
  }

  private void passOver(long count) {
    if (sequences != null) {
      sequences.passOver(count);
    }
  }

  /** The lines behind one header. */
  private final class Part {
    private final ExportHeader header;
    private final PartRoots roots;
    private final ExportLine.Format format;

    /** Index of the entry that comes next. */
    private long next;

    Part(ExportHeader header, RangeProof proof, Checkpoint checkpoint) {
      this.header = header;
      this.roots = new PartRoots(proof, checkpoint, findings);
      this.format = new ExportLine.Format(checkpoint.origin());
      this.next = header.from();
    }

    void check() throws IOException {
      Line line = lines.peek(0);
      while (line != null && !ExportHeader.isHeader(line.bytes())) {
        lines.next();
        if (next == header.to() && !isAhead(line)) {
          further(line);
        } else {
          line(line);
        }
        progress.accept(lines.bytes());
        line = lines.peek(0);
      }
      if (next < header.to()) {
        removed(header.to(), "the end of the part");
      }
      roots.end();
    }

    /** Whether a line that is not expected is an entry of before. */
    private boolean isAhead(Line line) {
      ExportLine parsed = parse(line);
      return parsed != null && parsed.index() < header.to();
    }

    private void further(Line line) throws IOException {
      findings.add(
          Kind.INSERTED,
          header.to(),
          header.to(),
          "line " + line.number(),
          "a line behind the last entry of the part, which is " + (header.to() - 1));
      Line behind = lines.peek(0);
      while (behind != null && !ExportHeader.isHeader(behind.bytes())) {
        lines.next();
        behind = lines.peek(0);
      }
    }

    private @Nullable ExportLine parse(@Nullable Line line) {
      return line == null || !line.isWhole() ? null : format.parse(line.bytes());
    }

    private long indexAhead(int distance) throws IOException {
      ExportLine parsed = parse(lines.peek(distance));
      return parsed == null ? -1 : parsed.index();
    }

    private void line(Line line) throws IOException {
      ExportLine parsed = parse(line);
      long first = indexAhead(0);
      if (parsed == null) {
        if (first == next) {
          inserted(line, "a line that is no entry");
        } else if (next < header.to()) {
          malformed(line);
        } else {
          inserted(line, "a line that is no entry");
        }
      } else if (parsed.index() == next) {
        take(parsed, line);
      } else if (first == next && parsed.index() == next + 1 && indexAhead(1) == next + 2) {
        swapped(parsed, line);
      } else if (first == next && parsed.index() == next + 1 && next + 2 == header.to()) {
        swappedOrInserted(parsed, line);
      } else if (first == next) {
        inserted(line, "entry " + parsed.index() + " again");
      } else if (next < header.to() && (first == next + 1 || isLastOfPart(parsed))) {
        renumbered(parsed, line);
      } else if (parsed.index() > next && parsed.index() < header.to()) {
        removed(parsed.index(), "line " + line.number());
        take(parsed, line);
      } else {
        inserted(line, "entry " + parsed.index() + " again");
      }
    }

    /** Whether a line with a number out of the range is the last one, and one is expected. */
    private boolean isLastOfPart(ExportLine parsed) throws IOException {
      return next + 1 == header.to() && parsed.index() > next && lines.peek(0) == null;
    }

    private void take(ExportLine entry, Line line) {
      roots.add(entry, "line " + line.number(), sequences);
      next++;
    }

    /** At the end of the range there is no line behind to tell both apart by. */
    private void swappedOrInserted(ExportLine later, Line line) throws IOException {
      if (indexAhead(1) == next + 1) {
        inserted(line, "entry " + later.index() + " again");
      } else {
        swapped(later, line);
      }
    }

    private void swapped(ExportLine later, Line line) throws IOException {
      findings.add(
          Kind.REORDERED,
          next,
          next + 2,
          "line " + line.number(),
          "the entry is before entry " + next);
      Line second = lines.next();
      ExportLine earlier = parse(second);
      if (second != null && earlier != null) {
        take(earlier, second);
      }
      take(later, line);
    }

    private void renumbered(ExportLine entry, Line line) {
      findings.add(
          Kind.CHANGED,
          next,
          next + 1,
          "line " + line.number(),
          "its id says entry " + entry.index());
      take(new ExportLine(next, entry.leaf(), entry.entry()), line);
    }

    private void malformed(Line line) {
      findings.add(
          Kind.MALFORMED,
          next,
          next + 1,
          "line " + line.number(),
          line.isWhole() ? "the line is none of an export" : "the line is cut off or too long");
      roots.lack();
      passOver(1);
      next++;
    }

    private void inserted(Line line, String what) {
      findings.add(Kind.INSERTED, next, next, "line " + line.number(), what);
    }

    private void removed(long until, String where) {
      findings.add(
          Kind.REMOVED,
          next,
          until,
          where,
          until - next == 1 ? "the entry is missing" : until - next + " entries are missing");
      roots.lack();
      passOver(until - next);
      next = until;
    }
  }
}
