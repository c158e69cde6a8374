package io.signetmesh.collector.report;

import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.ClientPattern;
import io.signetmesh.collector.query.TextPattern;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which clients that are let in today would break, if mesh TLS was required of them, or if only
 * what an authorization allows was let in.
 */
public final class StrictReport {
  /** What is required in future. */
  public enum Requirement {
    /** Mesh TLS. */
    TLS,
    /** An authorization, in place of a default policy. */
    AUTHORIZATION,
    /** Both. */
    BOTH
  }

  private record Key(String workload, String server, String client, String breaks) {}

  private StrictReport() {}

  /**
   * Makes the report.
   *
   * @param server only ports of Servers of this name or pattern; null for all
   * @param namespace only workloads of this namespace; null for all
   */
  public static Report of(
      Period period, Requirement required, @Nullable String server, @Nullable String namespace)
      throws IOException {
    TextPattern servers = server == null ? null : new TextPattern(server);
    Tally<Key> tally = new Tally<>();
    Report.Scope scope =
        period.read(
            builder -> builder.server(server).workload(namespace == null ? null : namespace + "/*"),
            (entry, decision) -> {
              String breaks = breaks(decision, required);
              if (breaks == null
                  || (servers != null && !servers.matchesName(decision.server()))
                  || (namespace != null && !namespace.equals(Names.namespace(decision)))) {
                return;
              }
              tally.add(
                  new Key(
                      Names.workload(decision),
                      Names.text(decision.server()),
                      client(decision),
                      breaks),
                  decision.count(),
                  entry.timeOrReceived());
            });
    List<List<Object>> rows = new ArrayList<>();
    for (Map.Entry<Key, Seen> one : tally.sorted()) {
      Key key = one.getKey();
      Seen seen = one.getValue();
      rows.add(
          List.of(
              key.client,
              key.workload,
              key.server,
              key.breaks,
              seen.count(),
              seen.first(),
              seen.last()));
    }
    return new Report(
        switch (required) {
          case TLS -> "Clients that would break if mesh TLS was required";
          case AUTHORIZATION -> "Clients that would break if an authorization was required";
          case BOTH -> "Clients that would break if mesh TLS and an authorization were required";
        },
        period.log().origin(),
        scope,
        List.of(
            new Report.Column("client", "CLIENT"),
            new Report.Column("workload", "WORKLOAD"),
            new Report.Column("server", "SERVER"),
            new Report.Column("lacks", "LACKS"),
            new Report.Column("count", "COUNT"),
            new Report.Column("first", "FIRST SEEN"),
            new Report.Column("last", "LAST SEEN")),
        rows,
        Names.notes(scope, tally.beyond()));
  }

  /** What a client that is let in lacks; null when nothing. */
  private static @Nullable String breaks(Decision decision, Requirement required) {
    if (!decision.isAllowed() || Names.isAlwaysAllowed(decision)) {
      return null;
    }
    boolean lacksTls =
        required != Requirement.AUTHORIZATION
            && decision.tlsVersion() == null
            && decision.clientIdentity() == null;
    boolean lacksAuthorization = required != Requirement.TLS && Names.isByDefault(decision);
    if (lacksTls && lacksAuthorization) {
      return "mesh TLS, authorization";
    }
    return lacksTls ? "mesh TLS" : lacksAuthorization ? "authorization" : null;
  }

  /** By identity, or by address: the port of a client changes with each connection. */
  private static String client(Decision decision) {
    String address = decision.clientAddress();
    return decision.clientIdentity() != null
        ? decision.clientIdentity()
        : address == null ? "-" : ClientPattern.host(address);
  }
}
