package io.signetmesh.rotation;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Rotations that several replicas of an identity server have in common, in memory. */
final class SharedRotations implements RotationStore {
  private final List<Kept> kept = new ArrayList<>();
  private final Map<String, List<Condition>> conditions = new HashMap<>();
  private int writes;

  /** Reports so far, of all rotations. */
  int reports;

  /** Done once, before the next write: what another replica does in between. */
  private Runnable meanwhile = () -> {};

  void meanwhile(Runnable act) {
    meanwhile = act;
  }

  @Override
  public List<Kept> kept() {
    return List.copyOf(kept);
  }

  @Override
  public Kept put(Rotation rotation, String version) throws StaleRotationException {
    Runnable first = meanwhile;
    meanwhile = () -> {};
    first.run();
    Rotation current = current();
    if (current != null && !current.id().equals(rotation.id())) {
      throw new RotationRefusedException("rotation " + current.id() + " is under way");
    }
    String found = version(this, rotation);
    if (!found.equals(version)) {
      throw new StaleRotationException(rotation.id(), version, found);
    }
    Kept now = new Kept(rotation, "v" + ++writes);
    int place = all().stream().map(Rotation::id).toList().indexOf(rotation.id());
    if (place < 0) {
      kept.add(now);
    } else {
      kept.set(place, now);
    }
    return now;
  }

  @Override
  public void supersede(Rotation ended, String version, Rotation successor)
      throws StaleRotationException {
    put(ended, version);
    kept.add(new Kept(successor, "v" + ++writes));
  }

  @Override
  public void report(String rotation, List<Condition> now) {
    reports++;
    conditions.put(rotation, List.copyOf(now));
  }

  @Override
  public List<Condition> conditions(String rotation) {
    return conditions.getOrDefault(rotation, List.of());
  }

  private static String version(RotationStore store, Rotation rotation) {
    return store.kept().stream()
        .filter(one -> one.rotation().id().equals(rotation.id()))
        .map(Kept::version)
        .findAny()
        .orElse(NEW);
  }

  /** Writes a rotation over whatever a store has of it. */
  static void put(RotationStore store, Rotation rotation) throws Exception {
    store.put(rotation, version(store, rotation));
  }
}
