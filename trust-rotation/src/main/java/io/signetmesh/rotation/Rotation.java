package io.signetmesh.rotation;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * One rotation: what it is to reach, and how far it is. Immutable. Everything else that the
 * procedure needs is observed, so that a rotation goes on after a crash at any point.
 *
 * @param id names the rotation; 16 lower-case hexadecimal digits
 * @param before anchors of the bundle when it was started; after a compromise that became known
 *     when anchors had left already, these, too
 * @param after anchors of the bundle when it has ended
 * @param compromised whether what the anchors that leave vouch for is not to be trusted: nobody is
 *     waited for long, and their issuers are revoked
 * @param reversed whether it was aborted, and goes back to the anchors before
 * @param renewWindow time over which renewals are spread
 * @param crossSigned whether the anchors that leave vouch for the new issuer, so that nobody is cut
 *     off who knows no other; false when the key for that cannot be used
 * @param waivers what is not waited for, by the DNS name of the workload
 * @param log phases that were begun and decisions of operators, oldest first; at least the start
 */
public record Rotation(
    String id,
    AnchorSet before,
    AnchorSet after,
    boolean compromised,
    boolean reversed,
    Duration renewWindow,
    boolean crossSigned,
    Map<String, Waiver> waivers,
    List<Entry> log) {

  /**
   * One line of the record of a rotation.
   *
   * @param at when
   * @param who operator, or {@code signet} when the procedure went on by itself
   * @param phase phase that begins, or in which it was decided
   * @param what what happened: {@code start}, {@code phase}, {@code abort}, {@code waive}, {@code
   *     compromised}, {@code superseded}
   * @param why reason or comment; may be empty
   */
  public record Entry(Instant at, String who, Phase phase, String what, String why) {}

  /** Copies the collections; refuses a rotation that begins with nothing or leads to nothing. */
  public Rotation {
    waivers = java.util.Collections.unmodifiableMap(new TreeMap<>(waivers));
    log = List.copyOf(log);
    if (before.isEmpty() || after.isEmpty() || log.isEmpty()) {
      throw new IllegalArgumentException(
          "rotation "
              + id
              + " from "
              + before
              + " to "
              + after
              + ": expected anchors on both sides");
    }
  }

  /** Begins a rotation. */
  public static Rotation start(
      String id,
      AnchorSet before,
      AnchorSet after,
      boolean compromised,
      Duration renewWindow,
      Instant now,
      String who,
      String why) {
    return new Rotation(
        id,
        before,
        after,
        compromised,
        false,
        renewWindow,
        true,
        Map.of(),
        List.of(new Entry(now, who, Phase.PREPARE, "start", why)));
  }

  /** The same rotation, without anchors that leave vouching for the new issuer. */
  public Rotation withoutCrossCertificate() {
    return new Rotation(id, before, after, compromised, reversed, renewWindow, false, waivers, log);
  }

  /** Whether the anchors that leave are to vouch for the issuer that is put in force. */
  public boolean isCrossSigning() {
    return crossSigned && !compromised && !reversed;
  }

  /** The phase it is in. */
  public Phase phase() {
    return log.getLast().phase();
  }

  /** When the phase began. */
  public Instant since() {
    Entry begin = log.getLast();
    for (Entry entry : log.reversed()) {
      if (entry.phase() != begin.phase() || isTurn(begin)) {
        break;
      }
      begin = entry;
    }
    return begin.at();
  }

  private static boolean isTurn(Entry entry) {
    return entry.what().equals("abort");
  }

  /** When the renewal of leaves began last; when it was started if that was never. */
  public Instant renewBegan() {
    for (Entry entry : log.reversed()) {
      if (entry.phase() == Phase.RENEW && entry.what().equals("phase")) {
        return entry.at();
      }
    }
    return startedAt();
  }

  /** When it was started. */
  public Instant startedAt() {
    return log.getFirst().at();
  }

  /** When it was known that the anchors that leave are compromised; else when it was started. */
  Instant compromiseKnownAt() {
    for (Entry entry : log) {
      if (entry.what().equals("compromised")) {
        return entry.at();
      }
    }
    return startedAt();
  }

  /** When it ended; null while it is under way. */
  public @Nullable Instant endedAt() {
    return isDone() ? log.getLast().at() : null;
  }

  /** Whether it has ended at a time or later. */
  public boolean hasEndedSince(Instant time) {
    return isDone() && !log.getLast().at().isBefore(time);
  }

  /** Whether it has ended, either way. */
  public boolean isDone() {
    return phase() == Phase.DONE;
  }

  /** The anchors that stay. */
  public AnchorSet staying() {
    return reversed ? before : after;
  }

  /** All anchors that workloads trust on the way. */
  public AnchorSet union() {
    return before.plus(after);
  }

  /**
   * The anchors to trust until Retire: all of them, but after a compromise none that has left
   * already.
   *
   * @param bundle anchors in force
   */
  public AnchorSet onTheWay(AnchorSet bundle) {
    return compromised ? union().minus(leaving().minus(bundle)) : union();
  }

  /** The anchors that leave. */
  public AnchorSet leaving() {
    return union().minus(staying());
  }

  /** Whether it does not wait for a leaf. */
  public boolean isWaived(Member member) {
    Waiver waiver = waivers.get(member.identity());
    return waiver != null && waiver.covers(member);
  }

  /** DNS names of the workloads of which something is waived; sorted. */
  public Set<String> waived() {
    return waivers.keySet();
  }

  /** The same rotation in the next phase. */
  public Rotation in(Phase phase, Instant now, String why) {
    return with(reversed, waivers, new Entry(now, "signet", phase, "phase", why));
  }

  /**
   * The same rotation on the way back.
   *
   * @throws RotationRefusedException when it cannot go back, with the reason
   */
  public Rotation abort(Instant now, String who, String why) {
    if (isDone()) {
      throw new RotationRefusedException("rotation " + id + " has ended");
    }
    if (reversed) {
      throw new RotationRefusedException("rotation " + id + " is going back already");
    }
    if (compromised) {
      throw new RotationRefusedException(
          "rotation "
              + id
              + " takes trust from a compromised anchor: let it end, then start another one to an"
              + " anchor of a new key");
    }
    if (phase() == Phase.RETIRE) {
      throw new RotationRefusedException(
          "rotation "
              + id
              + " is retiring the old anchor, which workloads may not trust any more: let it end; an"
              + " anchor that was retired does not come back");
    }
    // What was issued under the new anchor has to be replaced first.
    Phase from =
        switch (phase()) {
          case PREPARE, DISTRIBUTE -> Phase.RETIRE;
          default -> Phase.ACTIVATE;
        };
    return with(true, waivers, new Entry(now, who, from, "abort", why));
  }

  /**
   * Why it cannot take trust from compromised anchors; empty when it can.
   *
   * @param anchors the compromised ones; empty for all anchors before
   * @param left anchors that have left such a short while ago that leaves under them may be valid
   */
  public String refusalToLeave(AnchorSet anchors, AnchorSet left) {
    AnchorSet others = anchors.minus(union());
    AnchorSet stay = (anchors.isEmpty() ? before : anchors).minus(leaving()).minus(others);
    String name = "rotation " + id;
    if (isDone()) {
      return name + " has ended";
    }
    AnchorSet unknown = others.minus(left);
    if (!unknown.isEmpty()) {
      return name
          + " is under way in phase "
          + phase()
          + " and is not about anchors "
          + unknown
          + ": expected some of "
          + leaving()
          + ", which it takes away, or one that has left since leaves became valid that still are "
          + (left.isEmpty() ? "(none has)" : left.toString())
          + "; if a thief may have renewed by a leaf of an older one, let it end, then rotate away"
          + " from the anchors in force (--compromised)";
    }
    if (!stay.isEmpty()) {
      return name
          + " is under way in phase "
          + phase()
          + (reversed ? ", goes back" : "")
          + " and would leave compromised anchors "
          + stay
          + " in force: "
          + (reversed || compromised || phase() == Phase.RETIRE ? "" : "abort it, or ")
          + "let it end, then start a rotation away from them";
    }
    return compromised ? name + " is after a compromise already: let it end" : "";
  }

  /** The same, of anchors that the rotation is about. */
  public String refusalToLeave(AnchorSet anchors) {
    return refusalToLeave(anchors, AnchorSet.NONE);
  }

  /** The same, of anchors that the rotation is about. */
  public Rotation compromise(AnchorSet anchors, Instant now, String who, String why) {
    return compromise(anchors, AnchorSet.NONE, now, who, why);
  }

  /**
   * The same rotation, now that anchors that leave are known to be compromised. Those that have
   * left already leave by it, too.
   *
   * @param anchors the compromised ones; empty for all anchors before
   * @param left anchors that have left such a short while ago that leaves under them may be valid
   * @throws RotationRefusedException when one of them would stay, it has ended, or knows
   */
  public Rotation compromise(
      AnchorSet anchors, AnchorSet left, Instant now, String who, String why) {
    String refusal = refusalToLeave(anchors, left);
    if (!refusal.isEmpty()) {
      throw new RotationRefusedException(refusal);
    }
    List<Entry> longer = new ArrayList<>(log);
    longer.add(new Entry(now, who, phase(), "compromised", why));
    AnchorSet others = anchors.minus(union());
    return new Rotation(
        id,
        reversed ? before : before.plus(others),
        reversed ? after.plus(others) : after,
        true,
        reversed,
        renewWindow,
        crossSigned,
        waivers,
        longer);
  }

  /**
   * The same rotation, which ends because another one after a compromise takes its place.
   *
   * @throws RotationRefusedException when it has ended, or is not after a compromise
   */
  public Rotation supersede(Instant now, String who, String why) {
    if (isDone() || !compromised) {
      throw new RotationRefusedException(
          "rotation "
              + id
              + (isDone() ? " has ended" : " is not after a compromise: abort it, or let it end"));
    }
    return with(reversed, waivers, new Entry(now, who, Phase.DONE, "superseded", why));
  }

  /**
   * The same rotation, without waiting for what is known now of some workloads.
   *
   * @param fleet all leaves that are known
   */
  public Rotation waive(
      Set<String> identities, Collection<Member> fleet, Instant now, String who, String why) {
    Map<String, Waiver> all = new TreeMap<>(waivers);
    for (String identity : identities) {
      all.merge(identity, Waiver.of(identity, fleet), Waiver::and);
    }
    return with(
        reversed,
        all,
        new Entry(
            now,
            who,
            phase(),
            "waive",
            String.join(", ", new TreeSet<>(identities)) + (why.isEmpty() ? "" : ": " + why)));
  }

  private Rotation with(boolean back, Map<String, Waiver> all, Entry entry) {
    List<Entry> longer = new ArrayList<>(log);
    longer.add(entry);
    return new Rotation(
        id, before, after, compromised, back, renewWindow, crossSigned, all, longer);
  }
}
