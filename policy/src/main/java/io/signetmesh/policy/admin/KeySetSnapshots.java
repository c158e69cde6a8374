package io.signetmesh.policy.admin;

import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.signetmesh.policy.keys.KeySetStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;

/** Series of single key sets, which come and go with JWTAuthentications. */
final class KeySetSnapshots {
  /** JWTAuthentications that have series of their own; those without keys come first. */
  static final int MAX_KEY_SETS = 1_000;

  private static final double MILLIS = 1_000.0;

  private KeySetSnapshots() {}

  static List<GaugeSnapshot> of(List<KeySetStatus> all, Instant now) {
    List<KeySetStatus> shown =
        all.stream()
            .sorted(Comparator.comparing(KeySetStatus::state).reversed())
            .limit(MAX_KEY_SETS)
            .toList();
    GaugeSnapshot.Builder keys =
        gauge("signet_policy_key_set_keys", "Usable keys of a JWTAuthentication.");
    GaugeSnapshot.Builder age =
        gauge(
            "signet_policy_key_set_age_seconds",
            "Time since the keys in use were fetched. Without keys there is no series.");
    GaugeSnapshot.Builder expiry =
        gauge(
            "signet_policy_key_set_expiry_seconds",
            "Time until the keys in use are used no longer. Without keys there is no series.");
    GaugeSnapshot.Builder failing =
        gauge(
            "signet_policy_key_set_failing_seconds",
            "Time since the first of the failures that the newest fetches of a key set have had.");
    for (KeySetStatus status : shown) {
      Labels labels =
          Labels.of(
              "namespace", status.authentication().namespace(),
              "name", status.authentication().name());
      keys.dataPoint(point(labels.add("state", status.state().code()), status.keys()));
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
            "signet_policy_key_sets_left_out",
            "JWTAuthentications without series of their own, beyond the first "
                + MAX_KEY_SETS
                + ".");
    left.dataPoint(point(Labels.EMPTY, all.size() - shown.size()));
    return List.of(keys.build(), age.build(), expiry.build(), failing.build(), left.build());
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
