package io.signetmesh.identity.server;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import io.signetmesh.identity.ca.source.ReloadingAuthority;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.TrustBundle;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells of changes of issuer and anchors: in the log, on record, and as a metric. */
final class IssuerRecords implements ReloadingAuthority.Listener {
  private static final Logger log = LoggerFactory.getLogger(IssuerRecords.class);
  private static final String ACTOR = "identity";

  private final AuditLog audit;
  private final MeterRegistry registry;
  private final InstantSource clock;

  IssuerRecords(AuditLog audit, MeterRegistry registry, InstantSource clock) {
    this.audit = audit;
    this.registry = registry;
    this.clock = clock;
    count("accepted", "changed", 0);
    for (Reason reason : Reason.values()) {
      count("refused", reason.label(), 0);
    }
  }

  @Override
  public void accepted(Issuer old, Issuer issuer) {
    count("accepted", "changed", 1);
    if (old == issuer) {
      // The anchors alone: the change of the bundle is on record.
      return;
    }
    log.info(
        "issuer changed from {} to {}, until {}",
        Certificates.describe(old.certificate()),
        Certificates.describe(issuer.certificate()),
        issuer.certificate().getNotAfter().toInstant());
    Map<String, String> attributes = new LinkedHashMap<>();
    describe("old_", old.certificate(), attributes);
    describe("", issuer.certificate(), attributes);
    record("issuer-changed", issuer, attributes);
  }

  @Override
  public void refused(Issuer kept, Reason reason, String message) {
    count("refused", reason.label(), 1);
    log.error("issuer and anchors refused, the old ones stay in force: {}", message);
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("reason", reason.label());
    attributes.put("message", message);
    describe("kept_", kept.certificate(), attributes);
    record("issuer-refused", kept, attributes);
  }

  @Override
  public void restored(TrustBundle kept) {
    log.error(
        "trust-bundle.json was changed by another and is written again, version {} stays in force:"
            + " anchors are changed where issuer and anchors come from",
        kept.version());
    audit.record(
        new AdministrativeEvent(
            clock.millis(),
            "bundle-restored",
            ACTOR,
            kept.trustDomain(),
            Map.of(
                "version",
                Long.toString(kept.version()),
                "digest",
                HexFormat.of().formatHex(kept.digest()))));
  }

  private static void describe(
      String prefix, X509Certificate certificate, Map<String, String> attributes) {
    attributes.put(prefix + "serial", Certificates.serial(certificate));
    attributes.put(prefix + "sha256", HexFormat.of().formatHex(Certificates.sha256(certificate)));
    attributes.put(prefix + "not_after", certificate.getNotAfter().toInstant().toString());
  }

  private void record(String act, Issuer issuer, Map<String, String> attributes) {
    audit.record(
        new AdministrativeEvent(
            clock.millis(),
            act,
            ACTOR,
            issuer.certificate().getSubjectX500Principal().getName(),
            attributes));
  }

  private void count(String result, String reason, int times) {
    Counter.builder("signet.identity.issuer.reloads")
        .tag("result", result)
        .tag("reason", reason)
        .description("Changes of issuer and trust anchors, in force or refused, by reason.")
        .register(registry)
        .increment(times);
  }
}
