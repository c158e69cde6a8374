package io.signetmesh.collector.verify;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.EntryProof;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.collector.query.LogDirectory;
import io.signetmesh.collector.verify.CheckResult.Witnessed;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Proves that one entry is in a log, without reading the others. */
public final class EntryCheck {
  private final TrustedKeys keys;

  /**
   * What was verified.
   *
   * @param checkpoint that proves it
   * @param witnesses that have cosigned the checkpoint, of those that are known
   * @param proof with the entry
   * @param entry the bytes of the entry
   */
  @SuppressWarnings("ArrayRecordComponent") // not compared
  public record Verified(
      Checkpoint checkpoint, List<Witnessed> witnesses, EntryProof proof, byte[] entry) {}

  /** Verifies by these keys. */
  public EntryCheck(TrustedKeys keys) {
    this.keys = keys;
  }

  /**
   * Makes the proof of an entry from the tiles of a log, and verifies it.
   *
   * @param index of the entry, 0 or more
   * @throws MalformedLogException when it does not verify, or the log does not have it
   * @throws IOException when the log cannot be read
   */
  public Verified inLog(Path directory, long index) throws IOException {
    LogDirectory log = LogDirectory.open(directory, keys.log());
    if (index < 0 || index >= log.size()) {
      throw new MalformedLogException(
          "the log has no entry " + index + ": expected 0 to " + (log.size() - 1));
    }
    LogReader reader = log.reader();
    byte[] entry = reader.bundle(index / TilePath.WIDTH).get((int) (index % TilePath.WIDTH));
    EntryProof proof = new EntryProof(index, entry, reader.inclusion(index), log.note());
    return verified(proof, entry);
  }

  /**
   * Verifies a proof in a file.
   *
   * @param record file with the entry; null when the file of the proof has it
   * @throws MalformedLogException when it does not verify
   * @throws IOException when it cannot be read
   */
  public Verified inFile(Path file, @Nullable Path record) throws IOException {
    EntryProof proof = EntryProof.parse(read(file));
    byte[] entry = record == null ? proof.extra() : withoutNewline(read(record));
    if (entry == null) {
      throw new MalformedLogException(
          "the proof does not have the entry: expected it in another file");
    }
    return verified(proof, entry);
  }

  private static byte[] read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return in.readNBytes(EntryProof.MAX_BYTES + 1);
    }
  }

  private static byte[] withoutNewline(byte[] text) {
    return text.length > 0 && text[text.length - 1] == '\n'
        ? Arrays.copyOf(text, text.length - 1)
        : text;
  }

  private Verified verified(EntryProof proof, byte[] entry) throws IOException {
    Checkpoint checkpoint = proof.verify(entry, keys.log());
    return new Verified(checkpoint, keys.witnessed(proof.checkpoint()), proof, entry);
  }
}
