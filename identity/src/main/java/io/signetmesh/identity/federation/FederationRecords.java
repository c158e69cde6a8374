package io.signetmesh.identity.federation;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.pki.Certificates;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Puts on record whom is trusted from when on, and why not. */
final class FederationRecords {
  private static final String ACTOR = "federation";

  private final AuditLog audit;
  private final InstantSource clock;

  FederationRecords(AuditLog audit, InstantSource clock) {
    this.audit = audit;
    this.clock = clock;
  }

  /**
   * A bundle came into force.
   *
   * @param before what was in force; null: nothing
   * @param how {@code fetched} or {@code configured}
   */
  void changed(String trustDomain, @Nullable SpiffeBundle before, SpiffeBundle after, String how) {
    List<X509Certificate> old = before == null ? List.of() : before.anchors();
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("source", how);
    attributes.put("oldSequence", sequence(before));
    attributes.put("sequence", sequence(after));
    attributes.put("anchors", fingerprints(after.anchors(), List.of()));
    attributes.put("added", fingerprints(after.anchors(), old));
    attributes.put("removed", fingerprints(old, after.anchors()));
    attributes.put("jwtAuthorities", Integer.toString(after.jwtAuthorities().size()));
    record("federated-bundle-changed", trustDomain, attributes);
  }

  /** A bundle was not fetched, or is not taken. */
  void refused(String trustDomain, String reason) {
    record("federated-bundle-refused", trustDomain, Map.of("reason", reason));
  }

  /** A domain is not federated any more. */
  void removed(String trustDomain) {
    record("federation-removed", trustDomain, Map.of());
  }

  /** The configuration is not taken. */
  void configurationRefused(String file, String reason) {
    record("federation-configuration-refused", file, Map.of("reason", reason));
  }

  private void record(String act, String subject, Map<String, String> attributes) {
    audit.record(new AdministrativeEvent(clock.millis(), act, ACTOR, subject, attributes));
  }

  private static String sequence(@Nullable SpiffeBundle bundle) {
    return bundle == null || bundle.sequence() == null ? "" : bundle.sequence().toString();
  }

  private static String fingerprints(List<X509Certificate> of, List<X509Certificate> without) {
    return of.stream()
        .filter(certificate -> !without.contains(certificate))
        .map(certificate -> HexFormat.of().formatHex(Certificates.sha256(certificate)))
        .collect(Collectors.joining(","));
  }
}
