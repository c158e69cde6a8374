package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ContentBudget;
import io.signetmesh.crds.ContentHolder;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.Manifests;
import io.signetmesh.crds.manifest.Position;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The objects of a directory that are in force, and what decides which of them stay when the
 * directory is read again:
 *
 * <ul>
 *   <li>a valid object is taken over;
 *   <li>an invalid object, or one that is given twice, keeps its last valid form; without one it is
 *       left out;
 *   <li>an object that is no longer there is gone, unless an unreadable source may hold it: the
 *       source that it came from, or one that became unreadable when the object disappeared, since
 *       it may have been moved there;
 *   <li>an object that is valid in one source, while another source that had it cannot be read,
 *       stays as it was, since it may be given twice.
 * </ul>
 *
 * @param objects the objects in force
 * @param positions where they are written
 * @param sources the sources that hold each of them, or may
 * @param unreadable sources that could not be read in full, with what tells their contents apart
 * @param findings what was found in the newest state, and what stays because of it
 */
record InForce(
    Map<ResourceKey, HasMetadata> objects,
    Map<ResourceKey, Position> positions,
    Map<ResourceKey, Set<String>> sources,
    Map<String, Object> unreadable,
    List<ManifestFinding> findings) {
  /** Objects that a finding about several of them names. */
  private static final int NAMED = 5;

  /** Nothing was read before. */
  static final InForce NOTHING = new InForce(Map.of(), Map.of(), Map.of(), Map.of(), List.of());

  /** What is in force once the manifests are read again. */
  InForce after(Manifests read, Function<String, ?> contents) {
    return new Merge(this, read, contents).merge();
  }

  /** The same objects, found wanting as a whole. */
  InForce unreadable(List<ManifestFinding> found) {
    return new InForce(objects, positions, sources, unreadable, List.copyOf(found));
  }

  private static final class Merge {
    private final InForce before;
    private final Manifests read;
    private final Map<String, Object> unreadable = new TreeMap<>();
    private final Set<String> newlyUnreadable = new TreeSet<>();
    private final Map<ResourceKey, HasMetadata> objects = new LinkedHashMap<>();
    private final Map<ResourceKey, Position> positions = new HashMap<>();
    private final Map<ResourceKey, Set<String>> sources = new HashMap<>();
    private final List<ManifestFinding> held = new ArrayList<>();
    private final Map<String, TreeSet<ResourceKey>> heldBySource = new TreeMap<>();

    Merge(InForce before, Manifests read, Function<String, ?> contents) {
      this.before = before;
      this.read = read;
      for (String source : read.unreadableSources()) {
        Object content = String.valueOf(contents.apply(source));
        unreadable.put(source, content);
        if (!content.equals(before.unreadable.get(source))) {
          newlyUnreadable.add(source);
        }
      }
    }

    InForce merge() {
      // Over nothing: the valid ones alone.
      read.objectsOver(Map.of(), Map.of()).forEach(this::valid);
      Map<ResourceKey, Set<String>> claims = claims();
      before.objects.forEach(
          (key, object) -> {
            if (read.invalidKeys().contains(key)) {
              keep(key, object, read.positions().get(key), claims.getOrDefault(key, Set.of()));
            } else if (!read.positions().containsKey(key)) {
              missing(key, object);
            }
          });
      referred();
      bound();
      List<ManifestFinding> findings = new ArrayList<>(read.findings());
      findings.addAll(held);
      heldBySource.forEach((source, keys) -> findings.add(staying(source, keys)));
      return new InForce(objects, positions, sources, unreadable, List.copyOf(findings));
    }

    private void valid(ResourceKey key, HasMetadata object) {
      Position place = read.positions().get(key);
      String source = place == null ? "" : place.source();
      HasMetadata former = before.objects.get(key);
      if (former != null && !unreadable.isEmpty()) {
        Set<String> others = unreadableOf(before.sources.getOrDefault(key, Set.of()));
        others.remove(source);
        if (!others.isEmpty()) {
          held.add(
              new ManifestFinding(
                  ManifestFinding.Severity.ERROR,
                  place,
                  key,
                  "",
                  "stays as it was: "
                      + String.join(", ", others)
                      + ", which had it before, cannot be read now and may still hold it"));
          others.add(source);
          keep(key, former, place, others);
          return;
        }
      }
      keep(key, object, place, Set.of(source));
    }

    /**
     * What a JWTAuthentication refers to that is not valid now, and so in force as it was: the
     * reader does not know of that reference.
     */
    private void referred() {
      for (ResourceKey key : ContentHolder.referredBy(objects.values())) {
        if (!objects.containsKey(key)) {
          Position place = read.holderPosition(key).orElse(null);
          read.holder(key)
              .ifPresent(
                  object -> keep(key, object, place, Set.of(place == null ? "" : place.source())));
        }
      }
    }

    /**
     * Leaves out bundles that there is no room for, those of objects that stay as they were last:
     * the reader has counted what it has read alone.
     */
    private void bound() {
      ContentBudget budget = new ContentBudget();
      objects.replaceAll(
          (key, object) ->
              object instanceof ContentHolder holder ? holder.bounded(budget) : object);
    }

    private void missing(ResourceKey key, HasMetadata object) {
      if (unreadable.isEmpty()) {
        return;
      }
      Set<String> holders = unreadableOf(before.sources.getOrDefault(key, Set.of()));
      holders.addAll(newlyUnreadable);
      if (!holders.isEmpty()) {
        keep(key, object, before.positions.get(key), holders);
        for (String holder : holders) {
          heldBySource.computeIfAbsent(unreadableAt(holder), _ -> new TreeSet<>()).add(key);
        }
      }
    }

    private void keep(
        ResourceKey key, HasMetadata object, @Nullable Position place, Set<String> holders) {
      objects.put(key, object);
      if (place != null) {
        positions.put(key, place);
      }
      sources.put(key, holders);
    }

    /** Where the objects that are not valid are written; those given twice, in all places. */
    private Map<ResourceKey, Set<String>> claims() {
      Map<ResourceKey, Set<String>> claims = new HashMap<>();
      for (ResourceKey key : read.invalidKeys()) {
        Position place = read.positions().get(key);
        if (place != null) {
          claims.computeIfAbsent(key, _ -> new TreeSet<>()).add(place.source());
        }
      }
      for (ManifestFinding finding : read.findings()) {
        ResourceKey key = finding.resource();
        Position place = finding.position();
        if (key != null && place != null && read.invalidKeys().contains(key)) {
          claims.computeIfAbsent(key, _ -> new TreeSet<>()).add(place.source());
        }
      }
      return claims;
    }

    private Set<String> unreadableOf(Collection<String> candidates) {
      Set<String> found = new TreeSet<>();
      for (String candidate : candidates) {
        if (!unreadableAt(candidate).isEmpty()) {
          found.add(candidate);
        }
      }
      return found;
    }

    /**
     * The unreadable source that is this one or a directory that holds it; empty when it can be
     * read.
     */
    private String unreadableAt(String source) {
      if (unreadable.containsKey(source)) {
        return source;
      }
      for (String candidate : unreadable.keySet()) {
        if (source.startsWith(candidate + "/")) {
          return candidate;
        }
      }
      return "";
    }

    private static ManifestFinding staying(String source, TreeSet<ResourceKey> keys) {
      String named =
          keys.stream().limit(NAMED).map(ResourceKey::toString).collect(Collectors.joining(", "));
      if (keys.size() > NAMED) {
        named += " and " + (keys.size() - NAMED) + " more";
      }
      return new ManifestFinding(
          ManifestFinding.Severity.WARNING,
          new Position(source, 1, 1),
          keys.size() == 1 ? keys.first() : null,
          "",
          (keys.size() == 1 ? "stays" : named + " stay")
              + " as last read: this file cannot be read in full and may hold "
              + (keys.size() == 1 ? "it" : "them"));
    }
  }
}
