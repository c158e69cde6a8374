package io.signetmesh.crds.manifest;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ResourceKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What was read from one or more manifests. All or nothing: {@link #objects()} refuses to give
 * anything while there is an error. A caller that keeps the last good form of single objects uses
 * {@link #objectsOver} instead.
 */
public final class Manifests {
  /** No manifests. */
  public static final Manifests EMPTY =
      new Manifests(Map.of(), Map.of(), Set.of(), Set.of(), List.of(), List.of());

  private final Map<ResourceKey, HasMetadata> valid;
  private final Map<ResourceKey, Position> positions;
  private final Set<ResourceKey> invalid;
  private final Set<String> unreadable;
  private final List<Finding> findings;
  private final List<PassedOver> passedOver;

  Manifests(
      Map<ResourceKey, HasMetadata> valid,
      Map<ResourceKey, Position> positions,
      Set<ResourceKey> invalid,
      Set<String> unreadable,
      List<Finding> findings,
      Collection<PassedOver> passedOver) {
    this.valid = Collections.unmodifiableMap(valid);
    this.positions = Collections.unmodifiableMap(positions);
    this.invalid = Set.copyOf(invalid);
    this.unreadable = Set.copyOf(unreadable);
    this.findings = List.copyOf(findings);
    this.passedOver = List.copyOf(passedOver);
  }

  /**
   * All of them as one. An object that more than one of them has is an error, and no form of it is
   * taken.
   */
  public static Manifests merge(Collection<Manifests> parts) {
    Map<ResourceKey, HasMetadata> valid = new LinkedHashMap<>();
    Map<ResourceKey, Position> positions = new LinkedHashMap<>();
    Set<ResourceKey> invalid = new HashSet<>();
    Set<String> unreadable = new HashSet<>();
    List<Finding> findings = new ArrayList<>();
    Map<String, PassedOver> passedOver = new LinkedHashMap<>();
    for (Manifests part : parts) {
      findings.addAll(part.findings);
      unreadable.addAll(part.unreadable);
      invalid.addAll(part.invalid);
      valid.putAll(part.valid);
      part.passedOver.forEach(one -> passedOver.merge(one.name(), one, PassedOver::and));
      part.positions.forEach(
          (key, position) -> {
            Position first = positions.putIfAbsent(key, position);
            if (first != null) {
              findings.add(duplicate(key, first, position));
              invalid.add(key);
            }
          });
    }
    valid.keySet().removeAll(invalid);
    return new Manifests(valid, positions, invalid, unreadable, findings, passedOver.values());
  }

  static Finding duplicate(ResourceKey key, Position first, Position second) {
    return new Finding(
        Finding.Severity.ERROR, second, key, "", "is given twice, first at " + first);
  }

  /** Everything that was found, errors and warnings, in the order of the manifests. */
  public List<Finding> findings() {
    return findings;
  }

  /** Objects that have nothing to do with the mesh, one entry for each kind of them. */
  public List<PassedOver> passedOver() {
    return passedOver;
  }

  /** The errors among the findings. */
  public List<Finding> errors() {
    return findings.stream().filter(Finding::isError).toList();
  }

  /** The warnings among the findings. */
  public List<Finding> warnings() {
    return findings.stream().filter(finding -> !finding.isError()).toList();
  }

  /** Whether there is no error. */
  public boolean isValid() {
    return invalid.isEmpty()
        && unreadable.isEmpty()
        && findings.stream().noneMatch(Finding::isError);
  }

  /**
   * All objects, in the order of the manifests.
   *
   * @throws IllegalStateException when there is an error: half of a set of manifests is not given
   */
  public Map<ResourceKey, HasMetadata> objects() {
    if (!isValid()) {
      throw new IllegalStateException("the manifests have errors: " + errors());
    }
    return valid;
  }

  /**
   * These manifests, when they are valid.
   *
   * @param origin what was read, for the message
   * @throws InvalidManifestsException when there is an error
   */
  public Manifests orThrow(String origin) throws InvalidManifestsException {
    if (!isValid()) {
      throw new InvalidManifestsException(origin, findings);
    }
    return this;
  }

  /** Where objects stand, valid or not; only those whose kind, namespace and name could be read. */
  public Map<ResourceKey, Position> positions() {
    return positions;
  }

  /** Objects of which kind, namespace and name could be read, but that are not valid. */
  public Set<ResourceKey> invalidKeys() {
    return invalid;
  }

  /** Sources with documents of which it is not known which object they hold. */
  public Set<String> unreadableSources() {
    return unreadable;
  }

  /**
   * The valid objects together with the last good form of those that are not: an object that is
   * invalid now, or that is gone while the source it came from holds something unreadable, stays as
   * it was. An object that was never good is left out.
   *
   * @param lastGood objects that are in force
   * @param lastPositions where those were read
   */
  public Map<ResourceKey, HasMetadata> objectsOver(
      Map<ResourceKey, HasMetadata> lastGood, Map<ResourceKey, Position> lastPositions) {
    Map<ResourceKey, HasMetadata> merged = new LinkedHashMap<>(valid);
    lastGood.forEach(
        (key, object) -> {
          Position last = lastPositions.get(key);
          boolean maybeUnreadable =
              !positions.containsKey(key)
                  && last != null
                  && unreadable.stream().anyMatch(source -> covers(source, last.source()));
          if (invalid.contains(key) || maybeUnreadable) {
            merged.put(key, object);
          }
        });
    return merged;
  }

  /** Whether the source is the other one, or a directory that holds it. */
  private static boolean covers(String source, String other) {
    return other.equals(source) || other.startsWith(source + "/");
  }
}
