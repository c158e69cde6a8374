package io.signetmesh.collector.report;

import io.signetmesh.collector.query.ClientPattern;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What a client has asked for, and what came of it. */
public final class AccessReport {
  private record Key(
      String client,
      String workload,
      String server,
      String protocol,
      String verdict,
      String reason,
      String authorization) {}

  private AccessReport() {}

  /**
   * Makes the report.
   *
   * @param client identity, address or network, or a pattern
   * @throws IllegalArgumentException when it looks like a network and is none
   */
  public static Report of(Period period, String client) throws IOException {
    ClientPattern pattern = ClientPattern.parse(client);
    Tally<Key> tally = new Tally<>();
    Report.Scope scope =
        period.read(
            builder -> builder.client(client),
            (entry, decision) -> {
              if (pattern.matches(decision)) {
                String address = decision.clientAddress();
                tally.add(
                    new Key(
                        decision.clientIdentity() != null
                            ? decision.clientIdentity()
                            : address == null ? "-" : ClientPattern.host(address),
                        Names.workload(decision),
                        Names.text(decision.server()),
                        Names.text(decision.protocol()),
                        Names.text(decision.verdict()),
                        Names.text(decision.reason()),
                        Names.text(decision.authorization())),
                    decision.count(),
                    entry.timeOrReceived());
              }
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
              key.protocol,
              key.verdict,
              key.reason,
              key.authorization,
              seen.count(),
              seen.first(),
              seen.last()));
    }
    return new Report(
        "Access by " + client,
        period.log().origin(),
        scope,
        List.of(
            new Report.Column("client", "CLIENT"),
            new Report.Column("workload", "WORKLOAD"),
            new Report.Column("server", "SERVER"),
            new Report.Column("protocol", "PROTOCOL"),
            new Report.Column("verdict", "VERDICT"),
            new Report.Column("reason", "REASON"),
            new Report.Column("authorization", "AUTHORIZATION"),
            new Report.Column("count", "COUNT"),
            new Report.Column("first", "FIRST SEEN"),
            new Report.Column("last", "LAST SEEN")),
        rows,
        Names.notes(scope, tally.beyond()));
  }
}
