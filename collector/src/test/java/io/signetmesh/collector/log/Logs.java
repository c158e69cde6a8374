package io.signetmesh.collector.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.LogVerifier;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.NoteSigner;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.collector.entry.LogEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Logs for tests, and what is in them. */
public final class Logs {
  public static final Instant NOW = Instant.parse("2026-11-30T12:00:00Z");
  public static final NoteSigner SIGNER = signer();

  private Logs() {}

  private static NoteSigner signer() {
    try {
      KeyPair keys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
      return new NoteSigner(
          new NoteKey("test/log", NoteKey.Type.NOTE, keys.getPublic()), keys.getPrivate());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Opens a log over a store, as its next process would. */
  public static CollectorLog open(TileStore store, Path directory) throws IOException {
    return CollectorLog.open(store, SIGNER, directory.resolve("ledger"), 0, () -> {});
  }

  /** The id of a journal. */
  public static String id(int number) {
    return "%032x".formatted(number);
  }

  public static JournalKey journal(String writer, int number) {
    return new JournalKey(writer, id(number));
  }

  public static byte[] line(long sequence) {
    return ("{\"sequence\":" + sequence + ",\"time\":\"2026-11-30T10:00:00Z\"}").getBytes(UTF_8);
  }

  /** Records of a journal with these numbers. */
  public static Addition records(JournalKey key, long... sequences) throws IOException {
    List<byte[]> entries = new ArrayList<>();
    for (long sequence : sequences) {
      LogEntry.Line line = LogEntry.Line.of(line(sequence));
      entries.add(new LogEntry(key.writer(), key.journal(), NOW, false, line).bytes());
    }
    return new Addition(key, sequences, entries);
  }

  /** What a store has, by its newest checkpoint, after it was found complete and unaltered. */
  public static List<LogEntry> entries(TileStore store, NoteKey key) throws IOException {
    byte[] note = Objects.requireNonNull(store.get(TileStore.CHECKPOINT));
    Checkpoint checkpoint = Checkpoint.open(note, key);
    List<?> damages = LogVerifier.verify(store, checkpoint, read -> {});
    if (!damages.isEmpty()) {
      throw new AssertionError(damages.toString());
    }
    LogReader reader = new LogReader(store, checkpoint.size());
    List<LogEntry> entries = new ArrayList<>();
    for (long i = 0; i * TilePath.WIDTH < checkpoint.size(); i++) {
      for (byte[] entry : reader.bundle(i)) {
        entries.add(LogEntry.parse(entry));
      }
    }
    return entries;
  }

  /** The entries in short: {@code a:3} for a record, {@code a:4-6} for what is missing. */
  public static List<String> brief(TileStore store, NoteKey key) throws IOException {
    return entries(store, key).stream()
        .map(
            entry ->
                entry.writer()
                    + (entry.foreign() ? "!" : ":")
                    + switch (entry.content()) {
                      case LogEntry.Line line -> Long.toString(line.sequence());
                      case LogEntry.Missing missing ->
                          missing.from() + "-" + missing.to() + (missing.unsure() ? "?" : "");
                    })
        .toList();
  }

  public static List<String> brief(TileStore store) throws IOException {
    return brief(store, SIGNER.key());
  }
}
