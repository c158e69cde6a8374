package io.signetmesh.rotation;

import io.signetmesh.rotation.Member.Presence;
import java.util.Collection;
import java.util.Collections;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What an operator said about a workload: a rotation does not wait for the leaves that were known
 * then. A process that comes later has a leaf of its own, and counts again. Only who never reports
 * is waived by name: its renewals cannot be told from another process. So it is for those that
 * report leaves that are not on record.
 *
 * @param identity DNS name of the workload
 * @param serials serial numbers of its leaves that were known, lower-case hexadecimal, or {@link
 *     Member#UNRECORDED}
 * @param silent whether leaves that nobody reports are waived as well, those that come later, too
 */
public record Waiver(String identity, SortedSet<String> serials, boolean silent) {
  /** Copies the set. */
  public Waiver {
    serials = Collections.unmodifiableSortedSet(new TreeSet<>(serials));
  }

  /** Waives a workload, as far as it is known now. */
  static Waiver of(String identity, Collection<Member> fleet) {
    TreeSet<String> serials = new TreeSet<>();
    boolean silent = false;
    for (Member member : fleet) {
      if (member.identity().equals(identity)) {
        serials.add(member.serial());
        silent |= member.presence() == Presence.SILENT;
      }
    }
    return new Waiver(identity, serials, silent);
  }

  /** Both waivers of a workload. */
  Waiver and(Waiver other) {
    TreeSet<String> all = new TreeSet<>(serials);
    all.addAll(other.serials);
    return new Waiver(identity, all, silent || other.silent);
  }

  /** Whether a leaf is waived. */
  boolean covers(Member member) {
    return member.identity().equals(identity)
        && (serials.contains(member.serial()) || (silent && member.presence() == Presence.SILENT));
  }
}
