package io.signetmesh.collector.export;

import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Administrative;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Missing;
import io.signetmesh.collector.query.AuditEntry.Other;
import io.signetmesh.collector.query.AuditEntry.Trial;
import io.signetmesh.collector.query.ClientPattern;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Common Event Format of ArcSight, version 0: a line each, without a syslog header. Names and
 * lengths are those of its dictionary. docs/audit-commands.md says which field goes where.
 */
public final class CefFormat implements RecordFormat {
  private static final int SHORT = 63;
  private static final int LONG = 1023;
  private static final int CUSTOM = 4000;

  private final String version;

  /**
   * A format.
   *
   * @param version of Signet
   */
  public CefFormat(String version) {
    this.version = version;
  }

  @Override
  public byte[] entry(String id, AuditEntry entry) {
    Line line = new Line();
    switch (entry.event()) {
      case Decision decision -> decision(line, decision);
      case Administrative administrative -> {
        line.header("administrative", administrative.act(), administrative.act(), 3);
        line.add("suser", administrative.actor(), LONG);
        line.add("act", administrative.act(), SHORT);
        line.add("duser", administrative.subject(), LONG);
        if (!administrative.attributes().isEmpty()) {
          line.add("msg", String.valueOf(EntryFields.of(id, entry).get("attributes")), LONG);
        }
      }
      case Gap gap -> {
        line.header("gap", null, "Records were lost", 8);
        line.add("cnt", gap.lost());
        line.add("destinationServiceName", gap.workload(), LONG);
      }
      case Missing missing -> {
        line.header(
            "missing",
            null,
            missing.unsure()
                ? "Records may not have reached the collector"
                : "Records did not reach the collector",
            missing.unsure() ? 3 : 8);
        line.add("cnt", missing.to() - missing.from() + 1);
      }
      case Other other -> line.header("other", other.kind(), "Record of another kind", 0);
    }
    line.add("start", entry.timeOrReceived().toEpochMilli());
    line.add("rt", entry.received().toEpochMilli());
    line.add("externalId", entry.index());
    line.add("deviceExternalId", entry.writer(), 255);
    line.custom("cs5", "Journal", entry.journal());
    line.custom("cs6", "Id", id);
    line.custom("cn2", "Sequence", entry.sequence());
    if (entry.foreign()) {
      line.custom("cn3", "Foreign", 1);
    }
    return line.toString().getBytes(StandardCharsets.UTF_8);
  }

  private void decision(Line line, Decision decision) {
    boolean allowed = decision.isAllowed();
    line.header(
        "decision",
        decision.reason(),
        allowed ? "Request or connection allowed" : "Request or connection denied",
        allowed ? 1 : 5);
    line.add("act", decision.verdict(), SHORT);
    line.add("outcome", allowed ? "success" : "failure", SHORT);
    line.add("reason", decision.reason(), LONG);
    line.endpoint("src", "spt", "c6a2", "Source IPv6 Address", decision.clientAddress());
    line.endpoint("dst", "dpt", "c6a3", "Destination IPv6 Address", decision.targetAddress());
    line.add("suser", decision.clientIdentity(), LONG);
    line.add("destinationServiceName", decision.workload(), LONG);
    line.add("app", decision.protocol(), 31);
    line.add("requestMethod", decision.method(), LONG);
    line.add("request", decision.path(), LONG);
    line.add("msg", decision.detail(), LONG);
    if (decision.count() > 1) {
      line.add("cnt", decision.count());
    }
    line.custom("cs1", "Policy", decision.authorization());
    line.custom("cs2", "Server", decision.server());
    line.custom("cs3", "Route", decision.route());
    Trial trial = decision.trial();
    if (trial != null) {
      line.custom("cs4", "WouldBe", trial.verdict() + " " + trial.reason());
    }
    line.custom("cn1", "PolicyGeneration", decision.policyGeneration());
  }

  /** One event. */
  private final class Line {
    private final StringBuilder text = new StringBuilder(512);
    private boolean hasField;

    void header(String kind, @Nullable String code, @Nullable String name, int severity) {
      text.append("CEF:0|Signet|Signet|");
      text.append(header(version)).append('|');
      text.append(header(code == null ? kind : kind + "." + cut(code, SHORT))).append('|');
      text.append(header(name == null ? kind : cut(name, 512))).append('|');
      text.append(severity).append('|');
    }

    /** A bar would end a field of the header. */
    private static String header(String value) {
      return SafeText.of(value).replace("\\", "\\\\").replace("|", "\\|");
    }

    void add(String key, long value) {
      text.append(hasField ? " " : "").append(key).append('=').append(value);
      hasField = true;
    }

    void add(String key, @Nullable String value, int longest) {
      String safe = value == null ? "" : value(value, longest);
      // A field has a value, or is left out.
      if (!safe.isEmpty()) {
        text.append(hasField ? " " : "").append(key).append('=');
        // An equals sign would end a value, and make a key of what is before it.
        text.append(safe.replace("\\", "\\\\").replace("=", "\\="));
        hasField = true;
      }
    }

    private static String value(String value, int longest) {
      return cut(SafeText.of(value), longest).strip();
    }

    void custom(String key, String label, @Nullable String value) {
      if (value != null && !value(value, CUSTOM).isEmpty()) {
        add(key + "Label", label, LONG);
        add(key, value, CUSTOM);
      }
    }

    void custom(String key, String label, long value) {
      add(key + "Label", label, LONG);
      add(key, value);
    }

    /** Version 0 has no place for IPv6 but the custom ones. */
    void endpoint(String ip, String port, String ip6, String label, @Nullable String address) {
      if (address == null) {
        return;
      }
      String host = ClientPattern.host(address);
      String number = address.substring(address.lastIndexOf(':') + 1);
      try {
        boolean isIp6 = InetAddress.ofLiteral(host) instanceof Inet6Address;
        if (isIp6) {
          custom(ip6, label, host);
        } else {
          add(ip, host, 15);
        }
      } catch (IllegalArgumentException e) {
        // A name has no field of its own: the address of a record is a literal.
        return;
      }
      if (number.matches("[0-9]{1,5}")) {
        add(port, number, 5);
      }
    }

    private static String cut(String value, int longest) {
      if (value.length() <= longest) {
        return value;
      }
      boolean isSplit = Character.isHighSurrogate(value.charAt(longest - 1));
      return value.substring(0, isSplit ? longest - 1 : longest);
    }

    @Override
    public String toString() {
      return text + "\n";
    }
  }
}
