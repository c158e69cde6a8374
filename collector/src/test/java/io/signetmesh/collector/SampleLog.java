package io.signetmesh.collector;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.signetmesh.audit.tlog.Cosignature;
import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.LogWriter;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.NoteSigner;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.collector.entry.Deletion;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.entry.LogEntry.Line;
import io.signetmesh.collector.entry.LogEntry.Missing;
import io.signetmesh.collector.entry.MalformedEntryException;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Makes logs as a collector does. */
public final class SampleLog implements AutoCloseable {
  /** Name of the logs. */
  public static final String ORIGIN = "signet.example/audit";

  public static final NoteSigner SIGNER = signer(ORIGIN, NoteKey.Type.NOTE);
  public static final NoteSigner WITNESS = signer("witness.example", NoteKey.Type.COSIGNATURE);
  public static final Instant BEGIN = Instant.parse("2026-11-30T10:00:00Z");

  private final FileTileStore store;
  private final LogWriter writer;
  private final Map<String, Long> sequences = new HashMap<>();
  private final List<byte[]> batch = new ArrayList<>();
  private long entries;

  /** Begins a log. */
  public SampleLog(Path directory) throws IOException {
    store = FileTileStore.toWrite(directory, false);
    writer = LogWriter.create(store, SIGNER);
  }

  private SampleLog(FileTileStore store, LogWriter writer) {
    this.store = store;
    this.writer = writer;
    this.entries = writer.checkpoint().size();
  }

  /** Goes on with a log. Its journals begin anew. */
  public static SampleLog reopen(Path directory) throws IOException {
    FileTileStore store = FileTileStore.toWrite(directory, false);
    return new SampleLog(store, LogWriter.open(store, SIGNER, 0));
  }

  public static NoteSigner signer(String name, NoteKey.Type type) {
    try {
      KeyPair keys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
      return new NoteSigner(new NoteKey(name, type, keys.getPublic()), keys.getPrivate());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Id of a journal. */
  public static String journal(int number) {
    return "%032x".formatted(number);
  }

  /** A decision, without its sequence number. */
  public static String decision(String verdict, String reason, String client, String more) {
    return "\"decision\":{\"workload\":\"shop/web-1\",\"server\":\"policy.linkerd.io/server/web\","
        + "\"client_identity\":\""
        + client
        + "\",\"client_address\":\"10.1.0.4:40112\",\"target_address\":\"10.1.0.7:8080\","
        + "\"protocol\":\"http/1\",\"method\":\"GET\",\"path\":\"/orders/7\",\"verdict\":\""
        + verdict
        + "\",\"reason\":\""
        + reason
        + "\",\"policy_generation\":17,\"mode\":\"enforce\""
        + more
        + "}";
  }

  /** Adds the next record of a journal. */
  public SampleLog record(String writer, int journal, boolean foreign, String event)
      throws IOException {
    long sequence = sequences.merge(writer + journal, 1L, Long::sum);
    return line(
        writer,
        journal,
        foreign,
        "{\"sequence\":"
            + sequence
            + ",\"time\":\""
            + BEGIN.plusMillis(entries * 100)
            + "\","
            + event
            + "}");
  }

  /** Adds a record as it is. */
  public SampleLog line(String writer, int journal, boolean foreign, String line)
      throws MalformedEntryException {
    return entry(
        new LogEntry(
            writer,
            journal(journal),
            BEGIN.plusMillis(entries * 100),
            foreign,
            Line.of(line.getBytes(UTF_8))));
  }

  /** States records as missing, and goes on behind them. */
  public SampleLog missing(String writer, int journal, long from, long to) {
    sequences.put(writer + journal, to);
    return entry(
        new LogEntry(
            writer,
            journal(journal),
            BEGIN.plusMillis(entries * 100),
            false,
            new Missing(from, to, false)));
  }

  private SampleLog entry(LogEntry entry) {
    return raw(entry.bytes());
  }

  /** Adds an entry as it is. */
  public SampleLog raw(byte[] entry) {
    batch.add(entry);
    entries++;
    return this;
  }

  /** Appends what was added. */
  public SampleLog append() throws IOException {
    writer.append(batch);
    batch.clear();
    return this;
  }

  /** Deletes entries, as an operator does. */
  public SampleLog deleteBefore(long index) throws IOException {
    long sequence = sequences.merge(Deletion.WRITER, 1L, Long::sum);
    entry(new Deletion(0, index, "test").entry(SIGNER.key(), sequence, BEGIN)).append();
    return deleteUnstated(index);
  }

  /** Deletes entries and says nothing of it in the log. */
  public SampleLog deleteUnstated(long index) throws IOException {
    writer.deleteBefore(index);
    return this;
  }

  /** Keeps the checkpoint with the witness's signature. */
  public SampleLog cosign(Instant now) throws IOException {
    SignedNote note = writer.note();
    SignedNote both = note.with(Cosignature.sign(WITNESS, note.text(), now));
    store.put(TileStore.COSIGNED, both.bytes());
    return this;
  }

  /** Adds usual records of three journals. */
  public SampleLog usual(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      boolean denied = i % 7 == 3;
      record(
          i % 3 == 0 ? "web.shop" : "cart.shop",
          i % 3,
          false,
          decision(
              denied ? "deny" : "allow",
              denied ? "identity-mismatch" : "authorized",
              "client-" + i % 5 + ".shop",
              ""));
    }
    return this;
  }

  @Override
  public void close() throws IOException {
    store.close();
  }
}
