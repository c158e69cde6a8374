package io.signetmesh.policy.admin;

import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.signetmesh.policy.fetch.DocumentStatus;
import io.signetmesh.policy.model.ObjectRef;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;

/** Series of single key sets and bundles, which come and go with their authentications. */
final class DocumentSnapshots {
  /** Authentications of a kind that have series of their own; those without come first. */
  static final int MAX_SERIES = 1_000;

  private static final double MILLIS = 1_000.0;

  /**
   * Names and texts of the series of a kind.
   *
   * @param kind kind of the authentications
   * @param size name of the series of sizes
   * @param sizeHelp help of the series of sizes
   * @param prefix what the names of the others begin with
   * @param leftOut name of the number of those without series
   * @param what the words for what is fetched
   */
  private record Names(
      ObjectRef.Kind kind,
      String size,
      String sizeHelp,
      String prefix,
      String leftOut,
      String what) {}

  private static final Names KEY_SETS =
      new Names(
          ObjectRef.Kind.JWT_AUTHENTICATION,
          "signet_policy_key_set_keys",
          "Usable keys of a JWTAuthentication.",
          "signet_policy_key_set",
          "signet_policy_key_sets_left_out",
          "key set");

  private static final Names BUNDLES =
      new Names(
          ObjectRef.Kind.REGO_AUTHENTICATION,
          "signet_policy_bundle_bytes",
          "Bytes of the bundle of a RegoAuthentication, as fetched.",
          "signet_policy_bundle",
          "signet_policy_bundles_left_out",
          "bundle");

  private DocumentSnapshots() {}

  /** The series of key sets. */
  static List<GaugeSnapshot> keySets(List<DocumentStatus> all, Instant now) {
    return of(KEY_SETS, all, now);
  }

  /** The series of bundles. */
  static List<GaugeSnapshot> bundles(List<DocumentStatus> all, Instant now) {
    return of(BUNDLES, all, now);
  }

  private static List<GaugeSnapshot> of(Names names, List<DocumentStatus> all, Instant now) {
    List<DocumentStatus> shown =
        all.stream()
            .sorted(Comparator.comparing(DocumentStatus::state).reversed())
            .limit(MAX_SERIES)
            .toList();
    GaugeSnapshot.Builder size = gauge(names.size, names.sizeHelp);
    GaugeSnapshot.Builder age =
        gauge(
            names.prefix + "_age_seconds",
            "Time since the "
                + names.what
                + " in use was fetched. Where there is none, there is no series.");
    GaugeSnapshot.Builder expiry =
        gauge(
            names.prefix + "_expiry_seconds",
            "Time until the "
                + names.what
                + " in use is used no longer. Where there is none, there is no series.");
    GaugeSnapshot.Builder failing =
        gauge(
            names.prefix + "_failing_seconds",
            "Time since the first of the failures that the newest fetches of a "
                + names.what
                + " have had.");
    for (DocumentStatus status : shown) {
      Labels labels =
          Labels.of(
              "namespace", status.authentication().namespace(),
              "name", status.authentication().name());
      size.dataPoint(point(labels.add("state", status.state().code()), status.size()));
      Instant fetchedAt = status.fetchedAt();
      Instant expiresAt = status.expiresAt();
      if (fetchedAt != null && expiresAt != null) {
        age.dataPoint(point(labels, seconds(Duration.between(fetchedAt, now))));
        expiry.dataPoint(point(labels, seconds(Duration.between(now, expiresAt))));
      }
      Instant since = status.failingSince();
      if (since != null && status.errorKind() != null) {
        failing.dataPoint(
            point(
                labels.add("error", status.errorKind().code()),
                seconds(Duration.between(since, now))));
      }
    }
    GaugeSnapshot.Builder left =
        gauge(
            names.leftOut,
            names.kind.resourceKind()
                + "s without series of their own, beyond the first "
                + MAX_SERIES
                + ".");
    left.dataPoint(point(Labels.EMPTY, all.size() - shown.size()));
    return List.of(size.build(), age.build(), expiry.build(), failing.build(), left.build());
  }

  private static double seconds(Duration time) {
    return time.toMillis() / MILLIS;
  }

  private static GaugeSnapshot.Builder gauge(String name, String help) {
    return GaugeSnapshot.builder().name(name).help(help);
  }

  private static GaugeSnapshot.GaugeDataPointSnapshot point(Labels labels, double value) {
    return GaugeSnapshot.GaugeDataPointSnapshot.builder().labels(labels).value(value).build();
  }
}
