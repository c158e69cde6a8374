package io.signetmesh.policy.rego;

import io.signetmesh.crds.rego.PolicyBundle;
import io.signetmesh.crds.schema.GoDuration;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.document.DocumentNeed;
import java.time.Duration;
import java.util.Objects;

/** Where the bundle of a RegoAuthentication comes from. */
public sealed interface BundleSource {
  /** Longest time between two looks at a file. */
  Duration FILE_INTERVAL = Duration.ofSeconds(5);

  /**
   * The controller fetches it, or reads it from a file.
   *
   * @param refreshInterval longest time between two fetches
   * @param maxAge how long the last bundle that could be fetched is used
   */
  record Fetched(DocumentLocation location, Duration refreshInterval, Duration maxAge)
      implements BundleSource, DocumentNeed {}

  /**
   * It is in a ConfigMap of the namespace of the object.
   *
   * @param name name of the ConfigMap
   * @param entry name of the entry in its {@code binaryData}
   */
  record Held(String name, String entry) implements BundleSource {}

  /**
   * What a spec says.
   *
   * @param namespace that of the object
   * @throws IllegalArgumentException when it says nothing or more than one thing, or a duration
   *     cannot be read
   */
  static BundleSource of(String namespace, PolicyBundle bundle) {
    int given =
        (bundle.url() == null ? 0 : 1)
            + (bundle.configMapRef() == null ? 0 : 1)
            + (bundle.file() == null ? 0 : 1);
    if (given != 1) {
      throw new IllegalArgumentException(
          "spec.bundle names " + given + " sources of a bundle: expected exactly one");
    }
    if (bundle.configMapRef() != null) {
      return new Held(bundle.configMapRef().name(), bundle.configMapRef().key());
    }
    if (bundle.file() != null) {
      return new Fetched(
          DocumentLocation.bundleFile(namespace, bundle.file()),
          FILE_INTERVAL,
          GoDuration.parse(PolicyBundle.DEFAULT_MAX_AGE));
    }
    Duration maxAge =
        GoDuration.parse(Objects.requireNonNullElse(bundle.maxAge(), PolicyBundle.DEFAULT_MAX_AGE));
    if (maxAge.compareTo(PolicyBundle.MIN_AGE) < 0) {
      throw new IllegalArgumentException(
          "spec.bundle.maxAge is \"" + bundle.maxAge() + "\": expected at least 1m");
    }
    return new Fetched(
        DocumentLocation.bundle(
            Objects.requireNonNull(bundle.url()),
            Objects.requireNonNullElse(bundle.caBundle(), "")),
        GoDuration.parse(
            Objects.requireNonNullElse(
                bundle.refreshInterval(), PolicyBundle.DEFAULT_REFRESH_INTERVAL)),
        maxAge);
  }
}
