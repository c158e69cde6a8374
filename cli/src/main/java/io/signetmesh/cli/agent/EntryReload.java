package io.signetmesh.cli.agent;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.cli.agent.EntryFile.InvalidEntriesException;
import io.signetmesh.identity.spiffe.AgentIdentities;
import io.signetmesh.identity.spiffe.WorkloadEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Applies a file of workload entries, and polls it for changes every second. An invalid file is
 * reported once, and the former entries stay.
 */
public final class EntryReload implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EntryReload.class);
  private static final int PERIOD_SECONDS = 1;

  private final Path file;
  private final EntryFile entries;
  private final AgentIdentities identities;
  private final AuditLog audit;
  private final InstantSource clock;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("identity-agent-entries").factory());
  private List<WorkloadEntry> inForce = List.of();
  private String lastProblem = "";

  private EntryReload(
      Path file,
      EntryFile entries,
      AgentIdentities identities,
      AuditLog audit,
      InstantSource clock) {
    this.file = file;
    this.entries = entries;
    this.identities = identities;
    this.audit = audit;
    this.clock = clock;
  }

  /**
   * Applies the entries and starts to poll the file.
   *
   * @throws InvalidEntriesException when the file is invalid at the start
   * @throws IOException when a token cannot be issued
   */
  public static EntryReload start(
      Path file, EntryFile entries, AgentIdentities identities, AuditLog audit, InstantSource clock)
      throws InvalidEntriesException, IOException {
    EntryReload reload = new EntryReload(file, entries, identities, audit, clock);
    reload.apply(entries.read());
    reload.timer.scheduleWithFixedDelay(
        reload::poll, PERIOD_SECONDS, PERIOD_SECONDS, TimeUnit.SECONDS);
    return reload;
  }

  private void poll() {
    try {
      apply(entries.read());
      lastProblem = "";
    } catch (InvalidEntriesException | IOException | RuntimeException e) {
      String problem = String.valueOf(e.getMessage());
      if (!problem.equals(lastProblem)) {
        lastProblem = problem;
        log.error("entries of {} refused, {} stay in force:\n{}", file, inForce.size(), problem);
        record("workload-entries-refused", Map.of("reason", problem));
      }
    }
  }

  private void apply(List<WorkloadEntry> read) {
    if (read.equals(inForce)) {
      return;
    }
    identities.replace(read);
    inForce = read;
    log.info("{} entries of {} are in force", read.size(), file);
    record("workload-entries-applied", Map.of("entries", Integer.toString(read.size())));
  }

  private void record(String act, Map<String, String> attributes) {
    audit.record(
        new AdministrativeEvent(
            clock.millis(), act, "identity-agent", file.toString(), attributes));
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
