package io.signetmesh.cli.agent;

import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.Position;
import io.signetmesh.crds.manifest.RecordReader;
import io.signetmesh.crds.manifest.RecordReader.Located;
import io.signetmesh.crds.manifest.RecordReader.Records;
import io.signetmesh.identity.spiffe.AgentIdentities;
import io.signetmesh.identity.spiffe.Selector;
import io.signetmesh.identity.spiffe.WorkloadEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Reads a file of workload entries, as strictly as manifests are read. */
public final class EntryFile {
  private final Path file;
  private final MeshNames names;
  private final @Nullable TokenSource tokens;

  /** Provides the token of an entry that names no token file. */
  @FunctionalInterface
  public interface TokenSource {
    /**
     * Returns a file with a token of the ServiceAccount.
     *
     * @throws IOException when the token cannot be issued
     */
    Path tokenFile(String namespace, String serviceAccount) throws IOException;
  }

  /** The file is invalid. The message has one line per error, with its position. */
  public static final class InvalidEntriesException extends Exception {
    private static final long serialVersionUID = 1L;

    InvalidEntriesException(List<ManifestFinding> findings) {
      super(findings.stream().map(ManifestFinding::toString).collect(Collectors.joining("\n")));
    }
  }

  /**
   * Creates a reader of this file, which need not exist yet.
   *
   * @param names names in the identities of the mesh
   * @param tokens tokens of entries without a token file; null when every entry must name one
   * @param file file to read
   */
  public EntryFile(Path file, MeshNames names, @Nullable TokenSource tokens) {
    this.file = file.toAbsolutePath();
    this.names = names;
    this.tokens = tokens;
  }

  /**
   * Reads the file: all entries or none.
   *
   * @throws IOException when a token cannot be issued
   * @throws InvalidEntriesException when the file cannot be read, has errors, or has no entries
   */
  public List<WorkloadEntry> read() throws InvalidEntriesException, IOException {
    Records<EntryRecord> records = new RecordReader().readFile(file, EntryRecord.class);
    List<ManifestFinding> findings = new ArrayList<>(records.findings());
    List<WorkloadEntry> entries = new ArrayList<>();
    for (Located<EntryRecord> located : records.records()) {
      List<Selector> selectors = selectors(located, findings);
      Path token = token(located, findings);
      if (token != null && WorkloadEntry.namesUser(selectors)) {
        entries.add(entry(located.value(), token, selectors));
      }
    }
    if (records.records().size() > AgentIdentities.MAX_ENTRIES) {
      findings.add(
          error(
              new Position(file.toString(), 1, 1),
              "",
              records.records().size()
                  + " entries: expected at most "
                  + AgentIdentities.MAX_ENTRIES));
    }
    if (records.records().isEmpty() && findings.isEmpty()) {
      findings.add(error(new Position(file.toString(), 1, 1), "", "there are no entries"));
    }
    if (findings.stream().anyMatch(ManifestFinding::isError)) {
      throw new InvalidEntriesException(findings);
    }
    return entries;
  }

  private WorkloadEntry entry(EntryRecord entry, Path token, List<Selector> selectors) {
    return new WorkloadEntry(
        names.identity(entry.namespace(), entry.serviceAccount()),
        token,
        selectors,
        entry.hint() == null ? "" : entry.hint());
  }

  private static List<Selector> selectors(
      Located<EntryRecord> located, List<ManifestFinding> findings) {
    List<Selector> selectors = new ArrayList<>();
    List<String> texts = located.value().selectors();
    for (int i = 0; i < texts.size(); i++) {
      String field = "selectors[" + i + "]";
      try {
        Selector selector = Selector.parse(texts.get(i));
        if (selectors.stream().anyMatch(other -> other.kind() == selector.kind())) {
          throw new IllegalArgumentException(
              "a second selector unix:"
                  + selector.kind().label()
                  + ": all must hold, so expected one of a kind; use another entry for another"
                  + " process");
        }
        selectors.add(selector);
      } catch (IllegalArgumentException e) {
        findings.add(error(located.position().of(field), field, String.valueOf(e.getMessage())));
      }
    }
    if (selectors.size() == texts.size() && !WorkloadEntry.namesUser(selectors)) {
      findings.add(
          error(
              located.position().of("selectors"),
              "selectors",
              "selectors " + selectors + ": " + WorkloadEntry.USER_EXPECTED));
    }
    return selectors;
  }

  private @Nullable Path token(Located<EntryRecord> located, List<ManifestFinding> findings)
      throws IOException {
    EntryRecord entry = located.value();
    if (entry.tokenFile() != null) {
      return file.resolveSibling(entry.tokenFile()).normalize();
    }
    if (tokens != null) {
      return tokens.tokenFile(entry.namespace(), entry.serviceAccount());
    }
    findings.add(
        error(
            located.position(), "tokenFile", "tokenFile is missing: expected a file with a token"));
    return null;
  }

  private static ManifestFinding error(Position position, String field, String message) {
    return new ManifestFinding(ManifestFinding.Severity.ERROR, position, null, field, message);
  }
}
