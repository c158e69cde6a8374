package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.metrics.registry.Labels;

/**
 * Labels of {@code proxy_build_info}.
 *
 * @param date when it was built, RFC 3339; may be empty
 * @param gitSha commit; may be empty
 * @param profile {@code release} or {@code debug}
 * @param vendor who built it
 * @param version version
 */
public record BuildInfo(String date, String gitSha, String profile, String vendor, String version) {

  Labels labels() {
    return Labels.of(
        "date", date, "git_sha", gitSha, "profile", profile, "vendor", vendor, "version", version);
  }
}
