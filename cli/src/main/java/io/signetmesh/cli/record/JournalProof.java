package io.signetmesh.cli.record;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.audit.verify.JournalFinding;
import io.signetmesh.audit.verify.JournalReport;
import io.signetmesh.audit.verify.JournalVerifier;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * What the heads of a journal prove, and who has signed them.
 *
 * @param file the current file
 * @param report what the verifier found
 * @param signers identities that have signed, with their number of heads
 */
public record JournalProof(Path file, JournalReport report, SortedMap<String, Long> signers) {
  /** Older files that are looked for beside the current one. */
  private static final int OLDER_FILES = 100;

  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Verifies a journal with the older files beside it.
   *
   * @param anchors that vouch for who may sign heads
   * @param identity that has to have signed; null: any that the anchors vouch for
   * @param known number of a record that is known to exist; 0 for none
   * @throws IOException when a file cannot be read
   */
  public static JournalProof of(
      Path file, TrustBundle anchors, @Nullable String identity, long known) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file + ": expected the file of a journal");
    }
    LeafHeadCheck check = new LeafHeadCheck(anchors, identity);
    JournalReport report = JournalVerifier.verifyJournal(file, OLDER_FILES, known, check);
    return new JournalProof(file, report, check.signers());
  }

  /** Whether nothing is wrong, and heads show that of at least one record. */
  public boolean isGood() {
    return report.isGood();
  }

  /** Prints it for people. */
  public void print(PrintWriter out) {
    long first = report.first();
    long last = report.last();
    out.println(
        "journal "
            + PlainText.of(String.valueOf(file.getFileName()))
            + ": "
            + (last == 0 ? "no record" : range(first, last))
            + ", "
            + report.heads()
            + (report.heads() == 1 ? " head" : " heads"));
    signers.forEach((name, heads) -> out.println("signed by " + PlainText.of(name) + ": " + heads));
    if (report.from() > first && first > 0) {
      out.println(
          "not covered: "
              + range(first, Math.min(last, report.from() - 1))
              + ": their head, or what is before them, is not in these files");
    }
    if (report.heads() > 0 && report.uncovered() > 0) {
      out.println(
          "not covered: "
              + range(report.covered() + 1, last)
              + ": no head yet. A proxy that runs writes one each second");
    }
    int found = report.findings().size();
    if (found > 0) {
      String many = found == JournalReport.MAX_FINDINGS ? "the first " : "";
      out.println("DAMAGED: " + many + found + (found == 1 ? " finding" : " findings"));
      report.findings().forEach(finding -> out.println("  " + PlainText.of(finding.toString())));
    } else if (report.heads() == 0) {
      out.println("NOT PROVEN: no head: nothing shows that the records are unaltered");
    } else if (!report.isProven()) {
      out.println("NOT PROVEN: no head covers a record that is in these files");
    } else {
      out.println("good: " + range(report.from(), report.covered()));
    }
  }

  private static String range(long from, long to) {
    return from == to ? "record " + from : "records " + from + " to " + to;
  }

  /** The same for programs. */
  public void printJson(PrintWriter out) {
    ObjectNode all = JSON.createObjectNode();
    all.put("good", isGood());
    all.put("first", report.first());
    all.put("last", report.last());
    all.put("heads", report.heads());
    all.put("covered_from", report.from());
    all.put("covered_to", report.covered());
    ObjectNode by = all.putObject("signers");
    for (Map.Entry<String, Long> signer : signers.entrySet()) {
      by.put(signer.getKey(), signer.getValue());
    }
    ArrayNode findings = all.putArray("findings");
    for (JournalFinding finding : report.findings()) {
      ObjectNode one = findings.addObject();
      one.put("kind", finding.kind().name().toLowerCase(Locale.ROOT));
      one.put("from", finding.from());
      one.put("to", finding.to());
      one.put("file", finding.file());
      one.put("line", finding.line());
      one.put("detail", finding.detail());
    }
    try {
      out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(all));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree can be written", e);
    }
  }
}
