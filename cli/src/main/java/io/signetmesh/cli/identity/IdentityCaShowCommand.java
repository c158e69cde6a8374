package io.signetmesh.cli.identity;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.identity.ca.CaHealth;
import io.signetmesh.identity.ca.CaHealth.Finding;
import io.signetmesh.identity.ca.CaHealth.Level;
import java.io.IOException;
import java.io.PrintWriter;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code signet identity ca show}. */
@Command(
    name = "show",
    description = {
      "Shows the issuer with its chain, and the trust anchors: names, keys, life left, health.",
      "A warning is an issuer with less than a fifth of its life or 48 hours left, or an anchor with"
          + " less than 90 days; what has expired is a failure."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:healthy",
      "1:a certificate ends soon or has expired",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet identity ca show --state /var/lib/signet",
      "  signet identity ca show --issuer-directory /etc/signet/issuer -o json"
    })
public final class IdentityCaShowCommand extends CaCommand {
  @Mixin private CertificateOutput output = new CertificateOutput();

  @Override
  public Integer call() throws Exception {
    Ca ca = read();
    Instant now = Clock.systemUTC().instant();
    CaHealth health = CaHealth.of(ca.chain(), ca.anchors(), now);
    PrintWriter out = out();
    CertificatePrinter printer = new CertificatePrinter(now);
    switch (output.format()) {
      case PEM -> {
        List<X509Certificate> all = new ArrayList<>(ca.chain());
        all.addAll(ca.anchors());
        printer.print(all, CertificateFormat.PEM, out);
      }
      case JSON -> print(json(ca, health, printer), out);
      case TEXT -> text(ca, health, printer, out);
    }
    out.flush();
    return health.level() == Level.OK ? ExitCode.OK : ExitCode.NEGATIVE;
  }

  private static void text(Ca ca, CaHealth health, CertificatePrinter printer, PrintWriter out)
      throws IOException {
    List<X509Certificate> all = new ArrayList<>(ca.chain());
    all.addAll(ca.anchors());
    for (int i = 0; i < all.size(); i++) {
      X509Certificate certificate = all.get(i);
      out.printf(
          "%-12s %s%n",
          i == 0 ? "Issuer" : i < ca.chain().size() ? "Intermediate" : "Trust anchor",
          levelOf(certificate, health));
      printer.print(List.of(certificate), CertificateFormat.TEXT, out);
      out.println();
    }
    out.println("Health: " + word(health.level()));
    for (Finding finding : health.findings()) {
      out.println("  " + word(finding.level()) + ": " + finding.message());
    }
  }

  private static ObjectNode json(Ca ca, CaHealth health, CertificatePrinter printer) {
    ObjectNode json = json(health);
    json.set("issuer", printer.json(ca.chain()));
    json.set("trustAnchors", printer.json(ca.anchors()));
    return json;
  }

  private static String levelOf(X509Certificate certificate, CaHealth health) {
    return word(
        health.findings().stream()
            .filter(finding -> finding.certificate().equals(certificate))
            .map(Finding::level)
            .findFirst()
            .orElse(Level.OK));
  }
}
