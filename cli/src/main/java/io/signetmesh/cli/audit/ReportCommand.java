package io.signetmesh.cli.audit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.collector.query.LogDirectory;
import io.signetmesh.collector.report.HtmlPage;
import io.signetmesh.collector.report.Period;
import io.signetmesh.collector.report.Report;
import io.signetmesh.crds.text.PlainText;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What the commands that make reports have in common. */
abstract class ReportCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Forms of a report. */
  private enum Format {
    TABLE,
    JSON,
    HTML
  }

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private LogOptions log = new LogOptions();
  @Mixin private PeriodOptions period = new PeriodOptions();
  @Mixin private IndexOptions indexes = new IndexOptions();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "table (default), json, or html for a page that opens from a file.")
  private Format format = Format.TABLE;

  /** Makes the report. */
  abstract Report report(Period asked) throws IOException, CommandFailure;

  @Override
  public final Integer call() throws Exception {
    LogDirectory opened = log.open();
    Report report;
    try (IndexOptions.Used index = indexes.open(opened, spec.commandLine().getErr());
        ProgressBar bar = ProgressBar.of(spec.commandLine().getErr(), "reading", opened.size())) {
      report = report(period.of(opened, index.lookup(), Clock.systemUTC(), bar));
    } catch (MalformedLogException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw CommandFailure.configuration("the log cannot be read: " + e, e);
    }
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    switch (format) {
      case TABLE -> table(report, out);
      case JSON -> out.println(json(report));
      case HTML -> out.print(HtmlPage.of(report));
    }
    out.flush();
    return ExitCode.OK;
  }

  /** The command line of the command. */
  CommandSpec spec() {
    return spec;
  }

  private static void table(Report report, PrintWriter out) {
    out.println(PlainText.of(report.title()));
    out.println(PlainText.of(HtmlPage.scope(report)));
    report.notes().forEach(note -> out.println("note: " + PlainText.of(note)));
    if (report.rows().isEmpty()) {
      out.println("none");
      return;
    }
    TextTable table =
        new TextTable(report.columns().stream().map(Report.Column::heading).toArray(String[]::new));
    for (List<Object> row : report.rows()) {
      table.row(row.stream().map(Object::toString).toList());
    }
    table.print(out);
  }

  private static String json(Report report) throws JsonProcessingException {
    ObjectNode node =
        JSON.createObjectNode().put("title", report.title()).put("origin", report.origin());
    Report.Scope scope = report.scope();
    put(node, "since", scope.since());
    put(node, "until", scope.until());
    node.put("decisions", scope.decisions())
        .put("foreign", scope.foreign())
        .put("lost", scope.lost())
        .put("unreadable", scope.unreadable());
    ArrayNode notes = node.putArray("notes");
    report.notes().forEach(notes::add);
    ArrayNode rows = node.putArray("rows");
    for (List<Object> row : report.rows()) {
      ObjectNode one = rows.addObject();
      for (int i = 0; i < row.size(); i++) {
        String name = report.columns().get(i).name();
        if (row.get(i) instanceof Long number) {
          one.put(name, number);
        } else {
          one.put(name, row.get(i).toString());
        }
      }
    }
    return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node);
  }

  private static void put(ObjectNode node, String name, @Nullable Instant time) {
    if (time != null) {
      node.put(name, time.toString());
    }
  }
}
