package io.signetmesh.cli.simulate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation;
import java.io.PrintWriter;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The answer to a call, with its full explanation.
 *
 * @param workload called workload, as {@code namespace/name}
 * @param port called port
 * @param answer what the proxy would do
 * @param limits rate limits that count the call, in words; null when there are none
 * @param findings errors and warnings of objects that affect the port
 * @param cause the finding that causes a denial
 */
public record ExplanationReport(
    String workload,
    int port,
    Answer answer,
    @Nullable String limits,
    List<PortFinding> findings,
    Cause cause) {
  private static final String INDENT = "  ";

  /**
   * Makes the report of a call.
   *
   * @param number port number
   * @param port the same port, simulated
   */
  public static ExplanationReport of(
      String workload,
      int number,
      SimulatedPort port,
      Caller caller,
      Call call,
      List<PortFinding> findings) {
    Answer answer = port.ask(caller, call);
    String limits =
        answer.request() == null
            ? null
            : RateLimits.of(port.message(), caller.identity()).orElse(null);
    Cause cause =
        Cause.of(answer, findings, meant -> port.under(meant.server()).ask(caller, call).allowed());
    return new ExplanationReport(workload, number, answer, limits, findings, cause);
  }

  /** Copies the findings. */
  public ExplanationReport {
    findings = List.copyOf(findings);
  }

  /** Prints the report for people: the verdict, then the call, then what was considered. */
  public void print(PrintWriter out) {
    Decision decision = answer.decision();
    Explanation explanation = answer.explanation();
    out.println(cause.sentence(answer));
    PortFinding behind = cause.finding();
    if (behind != null && !behind.origin().isEmpty()) {
      out.println(INDENT + "see " + behind.origin());
    }
    out.println();
    line(out, "workload", workload + " port " + port);
    line(out, "server", AnswerText.name(answer.server()));
    String assumed = answer.caller().assumptions();
    line(out, "client", answer.caller().text() + (assumed == null ? "" : " (" + assumed + ")"));
    line(out, "asks", AnswerText.call(answer));
    AnswerText.tokens(answer).forEach(token -> line(out, "token", token));
    AnswerText.rego(answer).forEach(rego -> line(out, "rego", rego));
    line(out, "verdict", answer.verdict() + ", " + AnswerText.outcome(answer));
    line(out, "reason", decision.reason().code());
    if (decision.authorization() != null) {
      boolean nearest = decision.failedAttribute() != null;
      line(
          out,
          nearest ? "nearest" : "by",
          AnswerText.name(decision.authorization())
              + (nearest ? ": " + decision.failedAttribute() + " fails" : "")
              + (decision.detail() == null ? "" : "; it " + decision.detail()));
    }
    if (answer.route() != null) {
      line(out, "route", AnswerText.route(answer.route()));
    }
    if (answer.location() != null) {
      line(out, "location", answer.location());
    }
    if (limits != null) {
      line(out, "limits", limits + "; not asked here");
    }
    line(out, "mode", decision.mode().code());
    Explanation dryRun = explanation == null ? null : explanation.trial();
    if (dryRun != null) {
      line(out, "dry run", AnswerText.dryRun(dryRun));
    }
    if (answer.generation() != 0) {
      line(out, "generation", Long.toString(answer.generation()));
    }
    if (explanation != null) {
      section(
          out,
          "Rules considered (denials first; * decides)",
          ExplanationText.rules(explanation),
          explanation.route() == null && answer.request() != null
              ? "none: no route was found"
              : "none: no object grants or denies anything here");
      if (answer.request() != null) {
        section(out, "Routes considered (* is taken)", ExplanationText.routes(explanation), "none");
      }
      if (dryRun != null) {
        section(
            out,
            "Rules if everything in mode audit were in force",
            ExplanationText.rules(dryRun),
            "none");
      }
    }
    if (!findings.isEmpty()) {
      section(
          out, "Wrong or suspicious", findings.stream().map(PortFinding::text).toList(), "nothing");
    }
  }

  /** The report as JSON. */
  public ObjectNode json() {
    ObjectNode node = AnswerJson.explained(answer);
    node.put("workload", workload).put("port", port);
    node.put("summary", cause.sentence(answer));
    if (limits != null) {
      node.put("limits", limits);
    }
    ArrayNode list = node.putArray("findings");
    findings.forEach(finding -> FindingJson.add(list, finding));
    return node;
  }

  private static void line(PrintWriter out, String name, String value) {
    out.println(INDENT + name + " ".repeat(Math.max(1, 12 - name.length())) + value);
  }

  private static void section(PrintWriter out, String title, List<String> lines, String none) {
    out.println();
    out.println(title + ":");
    if (lines.isEmpty()) {
      out.println(INDENT + none);
    }
    lines.forEach(line -> out.println(INDENT + line));
  }
}
