package io.signetmesh.identity.spiffe;

import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.file.Path;
import java.util.List;

/**
 * An identity, and the processes that get it.
 *
 * @param identity identity in the certificates of the processes
 * @param tokenFile holds the token that attests the identity to the identity server
 * @param selectors properties that a process must have, all of them. One is {@code unix:uid}: the
 *     others only select among the processes of a user
 * @param hint distinguishes the identities of one process (SPIFFE Workload API); may be empty
 */
public record WorkloadEntry(
    WorkloadIdentity identity, Path tokenFile, List<Selector> selectors, String hint) {
  /**
   * Error for an entry without {@code unix:uid}. Any user can run code of their own in a trusted
   * executable, so path and digest alone select processes of every user.
   */
  public static final String USER_EXPECTED =
      "expected unix:uid:NUMBER among the selectors: any user of the host can meet unix:gid,"
          + " unix:path and unix:sha256 by a program that is started with code of their own, so"
          + " they only narrow within a user";

  /** Refuses an entry without {@code unix:uid}, which processes of every user could match. */
  public WorkloadEntry {
    selectors = List.copyOf(selectors);
    if (selectors.isEmpty()) {
      throw new IllegalArgumentException(
          "entry of " + identity + " has no selector: expected at least one");
    }
    if (!namesUser(selectors)) {
      throw new IllegalArgumentException("entry of " + identity + ": " + USER_EXPECTED);
    }
  }

  /** Whether one of the selectors is {@code unix:uid}. */
  public static boolean namesUser(List<Selector> selectors) {
    return selectors.stream().anyMatch(selector -> selector.kind() == Selector.Kind.UID);
  }
}
