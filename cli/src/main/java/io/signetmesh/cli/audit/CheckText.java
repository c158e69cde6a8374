package io.signetmesh.cli.audit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.collector.verify.CheckResult;
import io.signetmesh.collector.verify.CheckResult.Witnessed;
import io.signetmesh.collector.verify.Counts;
import io.signetmesh.collector.verify.Counts.StatedMissing;
import io.signetmesh.collector.verify.EntryCheck;
import io.signetmesh.collector.verify.Finding;
import io.signetmesh.crds.text.PlainText;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Tells what a check found out. */
final class CheckText {
  /** Ranges that the text lists; JSON has all that are known. */
  private static final int MAX_STATED = 20;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final PrintWriter out;

  CheckText(PrintWriter out) {
    this.out = out;
  }

  void print(CheckResult result, boolean json) {
    if (json) {
      write(json(result));
      return;
    }
    out.println("log " + PlainText.of(result.origin()) + ": " + range(result));
    deleted(result);
    witnesses(result.witnesses());
    Counts counts = result.counts();
    if (counts != null) {
      counts(counts);
    }
    if (result.isGood()) {
      out.println(
          "good: complete and unaltered"
              + (result.from() == 0 ? "" : " from entry " + result.from() + " on"));
      return;
    }
    int found = result.findings().size();
    out.println(
        "DAMAGED: "
            + (found == CheckResult.MAX_FINDINGS ? "the first " : "")
            + number(found, "finding", "findings"));
    result.findings().forEach(finding -> out.println("  " + PlainText.of(finding.toString())));
  }

  private static String range(CheckResult result) {
    Checkpoint checkpoint = result.checkpoint();
    if (checkpoint == null) {
      return "no checkpoint that is good";
    }
    String of =
        "checkpoint of "
            + number(checkpoint.size(), "entry", "entries")
            + ", root "
            + checkpoint.root();
    if (result.from() > 0 && result.from() == result.to()) {
      return "no entry, " + of;
    }
    return result.from() == 0 && result.to() == checkpoint.size()
        ? of
        : "entries " + result.from() + " to " + (result.to() - 1) + ", " + of;
  }

  private void deleted(CheckResult result) {
    if (result.from() > 0) {
      out.println(
          "pruned: entries 0 to "
              + (result.from() - 1)
              + " are not checked: they are not in the export, or the operator of the log has"
              + " deleted them");
    } else if (result.checkpoint() != null) {
      out.println("pruned: no entry");
    }
  }

  private void witnesses(List<Witnessed> witnesses) {
    for (Witnessed witness : witnesses) {
      out.println("cosigned by " + PlainText.of(witness.name()) + " at " + witness.time());
    }
  }

  private void counts(Counts counts) {
    out.println(
        number(counts.records(), "record", "records")
            + " of "
            + number(counts.journals(), "journal", "journals")
            + " of "
            + number(counts.writers(), "writer", "writers")
            + (counts.foreign() == 0 ? "" : ", " + grouped(counts.foreign()) + " foreign"));
    if (counts.lost() > 0) {
      out.println(
          "stated: "
              + number(counts.lost(), "record was", "records were")
              + " lost before their journal could keep them");
    }
    if (!counts.missing().isEmpty()) {
      out.println(
          "stated: "
              + number(counts.missingRecords(), "record", "records")
              + " did not reach the collector");
      for (StatedMissing range : counts.missing().stream().limit(MAX_STATED).toList()) {
        out.println(
            "  entry "
                + range.entry()
                + ": records "
                + range.from()
                + " to "
                + range.to()
                + " of journal "
                + range.journal()
                + " of "
                + PlainText.of(range.writer()));
      }
      if (counts.missing().size() > MAX_STATED) {
        out.println("  … and more: -o json has up to 1,000");
      }
    }
  }

  /** Prints an entry that was proved. */
  void print(EntryCheck.Verified verified, boolean json) {
    String entry = new String(verified.entry(), StandardCharsets.UTF_8);
    long index = verified.proof().index();
    if (json) {
      ObjectNode node = JSON.createObjectNode().put("good", true);
      checkpoint(node, verified.checkpoint());
      witnesses(node, verified.witnesses());
      node.put("index", index).put("entry", entry);
      write(node);
      return;
    }
    out.println(
        "verifies: entry "
            + index
            + " of log "
            + PlainText.of(verified.checkpoint().origin())
            + ", by the checkpoint of "
            + number(verified.checkpoint().size(), "entry", "entries"));
    witnesses(verified.witnesses());
    out.println(PlainText.of(entry));
  }

  private void write(ObjectNode node) {
    try {
      out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("texts and numbers are JSON", e);
    }
  }

  private static ObjectNode json(CheckResult result) {
    ObjectNode node = JSON.createObjectNode().put("good", result.isGood());
    node.put("origin", result.origin());
    checkpoint(node, result.checkpoint());
    witnesses(node, result.witnesses());
    node.put("from", result.from()).put("to", result.to());
    node.putObject("pruned").put("from", 0).put("to", result.from());
    Counts counts = result.counts();
    if (counts != null) {
      node.put("records", counts.records())
          .put("foreign", counts.foreign())
          .put("writers", counts.writers())
          .put("journals", counts.journals())
          .put("lost", counts.lost())
          .put("missingRecords", counts.missingRecords());
      ArrayNode missing = node.putArray("missing");
      for (StatedMissing range : counts.missing()) {
        missing
            .addObject()
            .put("entry", range.entry())
            .put("writer", range.writer())
            .put("journal", range.journal())
            .put("from", range.from())
            .put("to", range.to())
            .put("unsure", range.unsure());
      }
    }
    ArrayNode findings = node.putArray("findings");
    for (Finding finding : result.findings()) {
      findings
          .addObject()
          .put("kind", finding.label())
          .put("from", finding.from())
          .put("to", finding.to())
          .put("where", finding.where())
          .put("what", finding.what());
    }
    return node;
  }

  private static void checkpoint(ObjectNode node, @Nullable Checkpoint checkpoint) {
    if (checkpoint != null) {
      node.putObject("checkpoint")
          .put("origin", checkpoint.origin())
          .put("size", checkpoint.size())
          .put("root", checkpoint.root().toString());
    }
  }

  private static void witnesses(ObjectNode node, List<Witnessed> witnesses) {
    ArrayNode array = node.putArray("witnesses");
    for (Witnessed witness : witnesses) {
      array.addObject().put("name", witness.name()).put("time", witness.time().toString());
    }
  }

  /** A number with its unit, such as {@code 1,234 entries}. */
  static String number(long count, String one, String many) {
    return grouped(count) + " " + (count == 1 ? one : many);
  }

  private static String grouped(long count) {
    return String.format(Locale.ROOT, "%,d", count);
  }
}
