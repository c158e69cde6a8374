package io.signetmesh.rotation;

import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The rotations of a mesh, wherever they are kept. Several replicas of an identity server may have
 * one store: each write names the version that it is based on, and a write that is based on an
 * older one is refused. What is read may be a little old. An implementation is thread-safe, and
 * each of its methods answers within 10 seconds.
 */
public interface RotationStore {
  /** The version of a rotation that the store does not have yet. */
  String NEW = "";

  /**
   * A rotation as the store has it.
   *
   * @param version changes with each write; of no other meaning
   */
  record Kept(Rotation rotation, String version) {}

  /** All rotations, in the order in which they were begun. */
  List<Kept> kept();

  /**
   * Keeps a rotation: a new one, or the newer form of a known one. It is durable when this returns.
   *
   * @param version that of the form that it was made from; {@link #NEW} for a new one
   * @return what is kept now
   * @throws RotationRefusedException when another rotation is under way
   * @throws StaleRotationException when somebody else has written it since; nothing has changed
   * @throws IOException when it cannot be written; the store is as before
   */
  Kept put(Rotation rotation, String version) throws IOException;

  /**
   * Ends the rotation under way and begins the one that takes its place: both or neither, also when
   * the process is killed in between. Both are durable when this returns.
   *
   * @param ended the newer form of the rotation under way; it has ended
   * @param version that of the form that {@code ended} was made from
   * @param successor a rotation that the store does not have yet
   * @throws StaleRotationException when somebody else has written the rotation under way since;
   *     nothing has changed
   * @throws IOException when it cannot be written; the store is as before
   */
  void supersede(Rotation ended, String version, Rotation successor) throws IOException;

  /**
   * Tells how it is with a rotation. Nothing depends on it: it is for those who look on.
   *
   * @param now all conditions, in place of those before
   * @throws IOException when it cannot be written
   */
  void report(String rotation, List<Condition> now) throws IOException;

  /** What was last reported of a rotation; nothing when that is not known any more. */
  List<Condition> conditions(String rotation);

  /** The rotation that is under way; null when there is none. */
  default @Nullable Kept underWay() {
    return kept().stream().filter(one -> !one.rotation.isDone()).findFirst().orElse(null);
  }

  /** The same without its version. */
  default @Nullable Rotation current() {
    Kept underWay = underWay();
    return underWay == null ? null : underWay.rotation;
  }

  /** All rotations, in the order in which they were begun. */
  default List<Rotation> all() {
    return kept().stream().map(Kept::rotation).toList();
  }

  /** Fingerprints of the anchors that rotations took away and none brought back since. */
  default Set<String> retired() {
    Set<String> retired = new HashSet<>();
    for (Rotation rotation : all()) {
      if (rotation.isDone()) {
        // What was aborted has retired nothing: its new anchor may be tried again, unless it is
        // compromised.
        rotation.staying().forEach(retired::remove);
        if (!rotation.reversed() || rotation.compromised()) {
          rotation.leaving().forEach(retired::add);
        }
      }
    }
    return retired;
  }
}
