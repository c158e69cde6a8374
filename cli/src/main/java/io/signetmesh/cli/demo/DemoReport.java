package io.signetmesh.cli.demo;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.text.TextTable;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the demo tells.
 *
 * @param outcome all that was seen
 * @param processes processes that took part
 * @param proxies proxies among them
 * @param start time until all was ready
 * @param whole time of the whole demo
 */
record DemoReport(
    Demonstration.Outcome outcome, int processes, int proxies, Duration start, Duration whole) {

  /** For people. */
  void print(PrintWriter out) {
    for (Verdict.Phase phase : Verdict.Phase.values()) {
      List<Verdict> verdicts =
          outcome.verdicts().stream().filter(verdict -> verdict.phase() == phase).toList();
      out.println();
      out.println(
          phase.title().substring(0, 1).toUpperCase(Locale.ROOT) + phase.title().substring(1));
      out.println();
      table(verdicts).print(out);
    }
    out.println();
    Demonstration.Edit edit = outcome.edit();
    out.printf(
        "The edit became generation %d; all %d ports acknowledged it within %d ms.%n",
        edit.generation(), edit.ports(), edit.acknowledgedMillis());
    denied()
        .ifPresent(
            record -> {
              out.printf("%nWhy, in full, as the audit record of %s has it:%n", record.workload());
              attribute(out, "client", record.clientIdentity());
              attribute(out, "reason", record.reason());
              attribute(out, "nearest", record.authorization());
              attribute(out, "failed", record.failedAttribute());
              attribute(out, "detail", record.detail());
              attribute(
                  out,
                  "over",
                  record.tlsVersion() == null
                      ? null
                      : record.tlsVersion() + ", " + record.tlsGroup());
            });
    long right = outcome.verdicts().stream().filter(Verdict::asExpected).count();
    out.printf(
        "%n%d of %d verdicts as expected; %d processes, ready after %.1f s, done after %.1f s.%n",
        right,
        outcome.verdicts().size(),
        processes,
        start.toMillis() / 1000.0,
        whole.toMillis() / 1000.0);
  }

  private static TextTable table(List<Verdict> verdicts) {
    TextTable table =
        new TextTable("", "CLIENT", "SERVICE", "REQUEST", "VERDICT", "ANSWER", "ON RECORD");
    for (Verdict verdict : verdicts) {
      List<String> cells = new ArrayList<>();
      cells.add(verdict.asExpected() ? "ok" : "!!");
      cells.add(verdict.client().label() + " (" + verdict.client().kind() + ")");
      cells.add(verdict.service().pod() + " " + verdict.service().protocol());
      cells.add(verdict.request());
      String got = verdict.answer().served() ? "allowed" : "denied";
      cells.add(
          verdict.answer().served() == verdict.expected()
              ? got
              : got + ", expected " + (verdict.expected() ? "allowed" : "denied"));
      cells.add(
          verdict.note().isEmpty()
              ? verdict.answer().text()
              : verdict.answer().text() + ", " + verdict.note());
      cells.add(verdict.reason());
      table.row(cells);
    }
    return table;
  }

  private Optional<DecisionRecord> denied() {
    return outcome.verdicts().stream()
        .filter(verdict -> verdict.client() == Shop.Client.INTRUDER)
        .flatMap(verdict -> verdict.onRecord().stream())
        .filter(record -> !record.allowed())
        .findFirst();
  }

  private static void attribute(PrintWriter out, String name, @Nullable String value) {
    if (value != null) {
      out.printf("  %-8s %s%n", name, value);
    }
  }

  /** For machines. */
  ObjectNode json() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("as_expected", outcome.asExpected());
    node.put("start_seconds", start.toMillis() / 1000.0);
    node.put("seconds", whole.toMillis() / 1000.0);
    node.put("processes", processes);
    node.put("proxies", proxies);
    ObjectNode edit = node.putObject("policy_edit");
    edit.put("generation", outcome.edit().generation());
    edit.put("acknowledged_ports", outcome.edit().ports());
    edit.put("acknowledged_ms", outcome.edit().acknowledgedMillis());
    ArrayNode verdicts = node.putArray("verdicts");
    for (Verdict verdict : outcome.verdicts()) {
      verdict(verdicts.addObject(), verdict);
    }
    return node;
  }

  private static void verdict(ObjectNode node, Verdict verdict) {
    node.put("phase", verdict.phase().name().toLowerCase(Locale.ROOT));
    node.put("client", verdict.client().label());
    node.put("meshed", verdict.client().isMeshed());
    node.put("service", verdict.service().pod());
    node.put("protocol", verdict.service().protocol());
    node.put("request", verdict.request());
    node.put("expected", verdict.expected() ? "allow" : "deny");
    node.put("verdict", verdict.answer().served() ? "allow" : "deny");
    node.put("as_expected", verdict.asExpected());
    node.put("answer", verdict.answer().text());
    if (!verdict.note().isEmpty()) {
      node.put("note", verdict.note());
    }
    verdict.onRecord().ifPresent(record -> record(node.putObject("record"), record));
  }

  private static void record(ObjectNode node, DecisionRecord record) {
    node.put("sequence", record.sequence());
    node.put("time", record.time().toString());
    node.put("workload", record.workload());
    node.put("server", record.server());
    node.put("client_identity", record.clientIdentity());
    node.put("client_address", record.clientAddress());
    node.put("protocol", record.protocol());
    node.put("method", record.method());
    node.put("path", record.path());
    node.put("verdict", record.allowed() ? "allow" : "deny");
    node.put("reason", record.reason());
    node.put("authorization", record.authorization());
    node.put("failed_attribute", record.failedAttribute());
    node.put("detail", record.detail());
    node.put("policy_generation", record.policyGeneration());
    node.put("tls_version", record.tlsVersion());
    node.put("tls_group", record.tlsGroup());
  }
}
