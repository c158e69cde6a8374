package io.signetmesh.crds.manifest;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ContentBudget;
import io.signetmesh.crds.ContentHolder;
import io.signetmesh.crds.ResourceKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The result of reading one or more manifests. {@link #objects()} is all or nothing: it throws when
 * there is an error. A caller that keeps the last valid form of each object uses {@link
 * #objectsOver} instead.
 *
 * <p>ConfigMaps and Secrets are among the objects where a valid authentication refers to them, and
 * reduced to what may be key sets or policy bundles ({@link ContentHolder}). All others are passed
 * over.
 */
public final class Manifests {
  /** No manifests. */
  public static final Manifests EMPTY =
      new Manifests(Map.of(), Map.of(), Set.of(), Set.of(), List.of(), List.of(), Map.of());

  private final Map<ResourceKey, HasMetadata> valid;
  private final Map<ResourceKey, Position> positions;
  private final Set<ResourceKey> invalid;
  private final Set<String> unreadable;
  private final List<ManifestFinding> findings;
  private final List<PassedOver> passedOver;

  /** Objects that count if another one refers to them. */
  private final Map<ResourceKey, HolderReader.Held> held;

  /** Those of them that another one refers to; they are among the objects. */
  private final Set<ResourceKey> referred;

  /**
   * @param passedOver objects that the mesh does not use, with those that are held
   * @param held objects that count if another one refers to them, by their keys
   */
  Manifests(
      Map<ResourceKey, HasMetadata> valid,
      Map<ResourceKey, Position> positions,
      Set<ResourceKey> invalid,
      Set<String> unreadable,
      List<ManifestFinding> findings,
      Collection<PassedOver> passedOver,
      Map<ResourceKey, HolderReader.Held> held) {
    this.unreadable = Set.copyOf(unreadable);
    this.held = Collections.unmodifiableMap(held);
    this.referred =
        held.isEmpty()
            ? Set.of()
            : ContentHolder.referredBy(valid.values()).stream()
                .filter(held::containsKey)
                .collect(Collectors.toUnmodifiableSet());
    if (referred.isEmpty()) {
      this.valid = Collections.unmodifiableMap(valid);
      this.positions = Collections.unmodifiableMap(positions);
      this.invalid = Set.copyOf(invalid);
      this.findings = List.copyOf(findings);
      this.passedOver = List.copyOf(passedOver);
      return;
    }
    Map<ResourceKey, HasMetadata> allValid = new LinkedHashMap<>(valid);
    Map<ResourceKey, Position> allPositions = new LinkedHashMap<>(positions);
    Set<ResourceKey> allInvalid = new HashSet<>(invalid);
    List<ManifestFinding> allFindings = new ArrayList<>(findings);
    for (ResourceKey key : referred) {
      HolderReader.Held object = Objects.requireNonNull(held.get(key));
      allPositions.put(key, object.position());
      allFindings.addAll(object.findings());
      if (object.object() == null) {
        allInvalid.add(key);
      } else {
        allValid.put(key, object.object());
      }
    }
    this.valid = Collections.unmodifiableMap(allValid);
    this.positions = Collections.unmodifiableMap(allPositions);
    this.invalid = Set.copyOf(allInvalid);
    this.findings = List.copyOf(allFindings);
    this.passedOver = withoutReferred(passedOver);
  }

  /** What is passed over, without the objects that another one refers to. */
  private List<PassedOver> withoutReferred(Collection<PassedOver> all) {
    List<PassedOver> left = new ArrayList<>();
    for (PassedOver one : all) {
      List<ResourceKey> ofKind =
          held.keySet().stream()
              .filter(key -> one.group().isEmpty() && key.kind().equals(one.kind()))
              .toList();
      int count = one.count() - (int) ofKind.stream().filter(referred::contains).count();
      if (count > 0) {
        boolean taken =
            ofKind.stream()
                .anyMatch(key -> referred.contains(key) && place(key).equals(one.first()));
        Position first =
            ofKind.stream()
                .filter(key -> taken && !referred.contains(key))
                .findFirst()
                .map(this::place)
                .orElse(one.first());
        left.add(new PassedOver(one.group(), one.kind(), count, first));
      }
    }
    return List.copyOf(left);
  }

  private Position place(ResourceKey key) {
    return Objects.requireNonNull(held.get(key)).position();
  }

  /**
   * Merges manifests. An object that occurs in more than one of them is an error, and none of its
   * forms is valid.
   */
  public static Manifests merge(Collection<Manifests> parts) {
    Map<ResourceKey, HasMetadata> valid = new LinkedHashMap<>();
    Map<ResourceKey, Position> positions = new LinkedHashMap<>();
    Set<ResourceKey> invalid = new HashSet<>();
    Set<String> unreadable = new HashSet<>();
    List<ManifestFinding> findings = new ArrayList<>();
    Map<String, PassedOver> passedOver = new LinkedHashMap<>();
    Map<ResourceKey, HolderReader.Held> held = new LinkedHashMap<>();
    for (Manifests part : parts) {
      unreadable.addAll(part.unreadable);
      invalid.addAll(part.invalid);
      valid.putAll(part.valid);
      part.passedOver.forEach(one -> passedOver.merge(one.name(), one, PassedOver::and));
      part.held.forEach(
          (key, one) -> held.merge(key, one, (first, second) -> first.and(key, second)));
      for (ManifestFinding finding : part.findings) {
        // Told again by whoever refers to the object, if anybody does.
        if (finding.resource() == null || !part.referred.contains(finding.resource())) {
          findings.add(finding);
        }
      }
      for (ResourceKey key : part.referred) {
        PassedOver again = new PassedOver(key.group(), key.kind(), 1, part.place(key));
        passedOver.merge(again.name(), again, PassedOver::and);
      }
      part.positions.forEach(
          (key, position) -> {
            if (part.referred.contains(key)) {
              return;
            }
            Position first = positions.putIfAbsent(key, position);
            if (first != null) {
              findings.add(duplicate(key, first, position));
              invalid.add(key);
            }
          });
    }
    valid.keySet().removeAll(held.keySet());
    invalid.removeAll(held.keySet());
    valid.keySet().removeAll(invalid);
    return new Manifests(
        valid, positions, invalid, unreadable, findings, passedOver.values(), held);
  }

  /**
   * These manifests without the bundles in ConfigMaps that a budget has no room for; these ones
   * when it has room for all. Those that nothing refers to here count, too: another file may.
   */
  Manifests bounded(ContentBudget budget) {
    Map<ResourceKey, HolderReader.Held> bounded = new LinkedHashMap<>();
    held.forEach((key, one) -> bounded.put(key, one.bounded(budget)));
    if (held.entrySet().stream().allMatch(one -> one.getValue() == bounded.get(one.getKey()))) {
      return this;
    }
    Map<ResourceKey, HasMetadata> others = new LinkedHashMap<>(valid);
    others.keySet().removeAll(held.keySet());
    Set<ResourceKey> otherInvalid = new HashSet<>(invalid);
    otherInvalid.removeAll(held.keySet());
    Map<ResourceKey, Position> otherPositions = new LinkedHashMap<>(positions);
    otherPositions.keySet().removeAll(referred);
    List<ManifestFinding> otherFindings =
        findings.stream()
            .filter(one -> one.resource() == null || !referred.contains(one.resource()))
            .toList();
    Map<String, PassedOver> allPassedOver = new LinkedHashMap<>();
    passedOver.forEach(one -> allPassedOver.merge(one.name(), one, PassedOver::and));
    for (ResourceKey key : referred) {
      PassedOver again = new PassedOver(key.group(), key.kind(), 1, place(key));
      allPassedOver.merge(again.name(), again, PassedOver::and);
    }
    return new Manifests(
        others,
        otherPositions,
        otherInvalid,
        unreadable,
        otherFindings,
        allPassedOver.values(),
        bounded);
  }

  static ManifestFinding duplicate(ResourceKey key, Position first, Position second) {
    return new ManifestFinding(
        ManifestFinding.Severity.ERROR, second, key, "", "is given twice, first at " + first);
  }

  /**
   * A ConfigMap or Secret that is here, for an object that refers to it and is not one of these.
   * Empty for others, and when it cannot be read.
   */
  public Optional<HasMetadata> holder(ResourceKey key) {
    HolderReader.Held one = held.get(key);
    return one == null ? Optional.empty() : Optional.ofNullable(one.object());
  }

  /** Position of a {@link #holder}. */
  public Optional<Position> holderPosition(ResourceKey key) {
    return Optional.ofNullable(held.get(key)).map(HolderReader.Held::position);
  }

  /** All findings, errors and warnings, in the order of the manifests. */
  public List<ManifestFinding> findings() {
    return findings;
  }

  /** Objects that the mesh does not use, one entry per kind. */
  public List<PassedOver> passedOver() {
    return passedOver;
  }

  /** The errors among the findings. */
  public List<ManifestFinding> errors() {
    return findings.stream().filter(ManifestFinding::isError).toList();
  }

  /** The warnings among the findings. */
  public List<ManifestFinding> warnings() {
    return findings.stream().filter(finding -> !finding.isError()).toList();
  }

  /** Whether there are no errors. Warnings do not matter. */
  public boolean isValid() {
    return invalid.isEmpty()
        && unreadable.isEmpty()
        && findings.stream().noneMatch(ManifestFinding::isError);
  }

  /**
   * All objects, in the order of the manifests.
   *
   * @throws IllegalStateException when there is an error
   */
  public Map<ResourceKey, HasMetadata> objects() {
    if (!isValid()) {
      throw new IllegalStateException("the manifests have errors: " + errors());
    }
    return valid;
  }

  /**
   * Returns these manifests if they are valid.
   *
   * @param origin what was read; the message names it
   * @throws InvalidManifestsException when there is an error
   */
  public Manifests orThrow(String origin) throws InvalidManifestsException {
    if (!isValid()) {
      throw new InvalidManifestsException(origin, findings);
    }
    return this;
  }

  /** Positions of all objects, valid or not, whose kind, namespace and name could be read. */
  public Map<ResourceKey, Position> positions() {
    return positions;
  }

  /** Invalid objects whose kind, namespace and name could be read. */
  public Set<ResourceKey> invalidKeys() {
    return invalid;
  }

  /**
   * Sources with content that may hold any object: its kind, namespace or name cannot be read. A
   * source is a file, or a directory that could not be listed.
   */
  public Set<String> unreadableSources() {
    return unreadable;
  }

  /**
   * The valid objects, together with the last valid form of others. An object keeps its last valid
   * form in two cases: it is invalid now, or it is gone and its source has unreadable content,
   * which may be this object. An object that was never valid is left out.
   *
   * @param lastGood the last valid form of each object
   * @param lastPositions positions of those objects, from the reading that found them valid
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
