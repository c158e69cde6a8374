package io.signetmesh.identity.spiffe;

import io.grpc.Status;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.channel.LocalPeer;
import io.signetmesh.identity.channel.PeerProcess;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.RefusalRecords;
import io.signetmesh.identity.spiffe.AgentIdentities.Held;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds out which identities a calling process has. May read files. Thread-safe. */
final class CallerAttestor {
  private static final Logger log = LoggerFactory.getLogger(CallerAttestor.class);

  private final AgentIdentities identities;
  private final Executables executables;
  private final AuditLog audit;
  private final WorkloadApiMeters meters;
  private final InstantSource clock;
  private final RefusalRecords refusals;

  CallerAttestor(
      AgentIdentities identities,
      Executables executables,
      AuditLog audit,
      WorkloadApiMeters meters,
      InstantSource clock) {
    this.identities = identities;
    this.executables = executables;
    this.audit = audit;
    this.meters = meters;
    this.clock = clock;
    this.refusals = new RefusalRecords(clock);
  }

  /**
   * The identities of a process, in the order of the entries. May wait until its executable has
   * been read.
   *
   * @throws io.grpc.StatusRuntimeException PERMISSION_DENIED when it has none, UNAVAILABLE when it
   *     is not known in time whether it has some
   */
  List<Held> entitled(LocalPeer peer, PeerProcess process) {
    CallerEvidence evidence = new CallerEvidence(peer, executables);
    List<Held> found = identities.matching(entry -> evidence.matches(entry.selectors()));
    // What was read under /proc was of this process only if it still runs.
    if (!process.isAlive()) {
      found = List.of();
    }
    if (!found.isEmpty()) {
      return found;
    }
    meters.refused();
    if (evidence.isLate()) {
      throw Status.UNAVAILABLE
          .withDescription("the executable has not been read yet: too many of its user wait")
          .asRuntimeException();
    }
    record(peer, evidence);
    throw Status.PERMISSION_DENIED.withDescription("no identity issued").asRuntimeException();
  }

  private void record(LocalPeer peer, CallerEvidence evidence) {
    long leftOut = refusals.admit();
    if (leftOut < 0) {
      return;
    }
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("uid", Integer.toUnsignedString(peer.uid()));
    attributes.put("gid", Integer.toUnsignedString(peer.gid()));
    attributes.put("pid", Integer.toString(peer.pid()));
    evidence.path().ifPresent(path -> attributes.put("path", WorkloadIdentity.printable(path)));
    attributes.put("reason", "no entry has selectors that all hold");
    if (leftOut > 0) {
      attributes.put("left_out", Long.toString(leftOut));
    }
    log.warn("a process has no identity: {}", attributes);
    audit.record(
        new AdministrativeEvent(
            clock.millis(),
            "workload-refused",
            "identity-agent",
            "process " + peer.pid(),
            attributes));
  }
}
