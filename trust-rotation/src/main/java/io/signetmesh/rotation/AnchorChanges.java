package io.signetmesh.rotation;

import java.util.ArrayList;
import java.util.List;

/**
 * Anchors that somebody changed in the files of the CA while a rotation is under way. The rotation
 * would undo the change, so it waits for the operator instead.
 */
public final class AnchorChanges {
  private AnchorChanges() {}

  /** What was changed; nothing when the bundle in force is one that the rotation put there. */
  static List<Obstacle> of(Rotation rotation, AnchorSet bundle) {
    AnchorSet union = rotation.union();
    AnchorSet staying = rotation.staying();
    return switch (rotation.phase()) {
      case PREPARE, DISTRIBUTE ->
          bundle.equals(rotation.before()) || bundle.equals(union)
              ? List.of()
              : between(rotation, bundle, union, rotation.before());
      case ACTIVATE, RENEW -> between(rotation, bundle, union, union);
      case RETIRE ->
          bundle.equals(staying)
              ? List.of()
              : between(
                  rotation,
                  bundle,
                  union,
                  bundle.meets(rotation.leaving().fingerprints()) ? union : staying);
      case DONE -> List.of();
    };
  }

  /**
   * Says what was changed.
   *
   * @param bundle anchors now
   * @param allowed anchors that may be there
   * @param needed anchors that have to be there
   */
  public static List<Obstacle> between(
      Rotation rotation, AnchorSet bundle, AnchorSet allowed, AnchorSet needed) {
    List<Obstacle> obstacles = new ArrayList<>();
    for (String added : bundle.minus(allowed)) {
      obstacles.add(
          new Obstacle(
              Obstacle.Kind.CHANGED,
              "",
              "anchor "
                  + AnchorSet.brief(added)
                  + " was added to the files of the CA during the rotation, which would take it away:"
                  + " take it out of ca/anchor.crt, and add it when the rotation has ended"));
    }
    for (String removed : needed.minus(bundle)) {
      obstacles.add(
          new Obstacle(
              Obstacle.Kind.CHANGED,
              "",
              "anchor "
                  + AnchorSet.brief(removed)
                  + " was taken out of the files of the CA during the rotation, which needs it: put"
                  + " it back into ca/anchor.crt; its certificate is in rotations/"
                  + rotation.id()
                  + "/anchors.crt"));
    }
    return obstacles;
  }
}
