package io.signetmesh.cli.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.LogWriter;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.NoteSigner;
import io.signetmesh.collector.entry.Deletion;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.entry.LogEntry.Line;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Makes a small log as a collector does: the same each time. */
final class AuditLogs {
  static final Instant BEGIN = Instant.parse("2026-11-30T10:00:00Z");
  static final String WEB = "web.shop.serviceaccount.identity.linkerd.cluster.local";
  static final String FRONTEND = "frontend.shop.serviceaccount.identity.linkerd.cluster.local";
  static final String INTRUDER = "intruder.shop.serviceaccount.identity.linkerd.cluster.local";
  static final String JOURNAL = "00112233445566778899aabbccddeeff";

  /** Key of RFC 8032, section 7.1, test 1. */
  static final NoteSigner SIGNER = signer();

  private final Path directory;
  private final List<byte[]> entries = new ArrayList<>();

  AuditLogs(Path directory) {
    this.directory = directory;
  }

  private static NoteSigner signer() {
    try {
      KeyFactory factory = KeyFactory.getInstance("Ed25519");
      PrivateKey secret =
          factory.generatePrivate(
              new PKCS8EncodedKeySpec(
                  HexFormat.of()
                      .parseHex(
                          "302e020100300506032b657004220420"
                              + "9d61b19deffd5a60ba844af492ec2cc4"
                              + "4449c5697b326919703bac031cae7f60")));
      PublicKey open =
          factory.generatePublic(
              new X509EncodedKeySpec(
                  HexFormat.of()
                      .parseHex(
                          "302a300506032b6570032100"
                              + "d75a980182b10ab7d54bfed3c964073a"
                              + "0ee172f3daa62325af021a68f707511a")));
      return new NoteSigner(new NoteKey("signet.example/audit", NoteKey.Type.NOTE, open), secret);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  Path directory() {
    return directory;
  }

  static String key() {
    return SIGNER.key().toString();
  }

  /** A decision on the Server web of workload shop/web-1. */
  static String decision(String client, String verdict, String reason, String more) {
    return "\"decision\":{\"workload\":\"shop/web-1\","
        + "\"server\":\"policy.linkerd.io/server/web\","
        + client
        + "\"client_address\":\"10.1.0.4:40112\",\"target_address\":\"10.1.0.7:8080\","
        + "\"protocol\":\"http/2\",\"method\":\"GET\",\"path\":\"/orders/7\",\"verdict\":\""
        + verdict
        + "\",\"reason\":\""
        + reason
        + "\""
        + more
        + ",\"policy_generation\":17,\"mode\":\"enforce\"}";
  }

  static String meshed(String identity) {
    return "\"client_identity\":\"" + identity + "\",";
  }

  /** Adds a record with the next sequence number. */
  AuditLogs record(boolean foreign, String event) throws IOException {
    int number = entries.size() + 1;
    Instant time = BEGIN.plusMillis(number * 250L);
    String line = "{\"sequence\":" + number + ",\"time\":\"" + time + "\"," + event + "}";
    LogEntry entry =
        new LogEntry(WEB, JOURNAL, time.plusMillis(3), foreign, Line.of(line.getBytes(UTF_8)));
    entries.add(entry.bytes());
    return this;
  }

  /** Adds a record that the writer claims of the workload of another. */
  AuditLogs foreign(String event) throws IOException {
    return record(true, event);
  }

  AuditLogs record(String event) throws IOException {
    return record(false, event);
  }

  /** Writes the log. */
  AuditLogs write() throws IOException {
    try (FileTileStore store = FileTileStore.toWrite(directory, false)) {
      LogWriter writer =
          store.isEmpty() ? LogWriter.create(store, SIGNER) : LogWriter.open(store, SIGNER, 0);
      int known = (int) writer.checkpoint().size();
      writer.append(List.copyOf(entries.subList(known, entries.size())));
    }
    return this;
  }

  /** Deletes entries, as an operator does. */
  void deleteBefore(long index) throws IOException {
    entries.add(new Deletion(0, index, "test").entry(SIGNER.key(), 1, BEGIN).bytes());
    write();
    try (FileTileStore store = FileTileStore.toWrite(directory, false)) {
      LogWriter.open(store, SIGNER, 0).deleteBefore(index);
    }
  }

  /** A log with four records: allowed, denied, allowed in trial only, and a gap. */
  static AuditLogs usual(Path directory) throws IOException {
    String authorized = ",\"authorization\":\"policy.linkerd.io/authorizationpolicy/web-clients\"";
    return new AuditLogs(directory)
        .record(decision(meshed(FRONTEND), "allow", "authorized", authorized))
        .record(
            decision(
                meshed(INTRUDER),
                "deny",
                "identity-mismatch",
                authorized + ",\"failed_attribute\":\"identity\",\"detail\":\"wants frontend\""))
        .record(
            decision(
                meshed(FRONTEND),
                "allow",
                "authorized",
                authorized
                    + ",\"trial\":{\"verdict\":\"deny\",\"reason\":\"denied-by-policy\","
                    + "\"authorization\":\"policy.signetmesh.io/denypolicy/no-clients\"}"))
        .record("\"gap\":{\"lost\":128,\"workload\":\"shop/web-1\"}")
        .write();
  }
}
