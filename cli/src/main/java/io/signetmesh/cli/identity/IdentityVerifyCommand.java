package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.command.TimeConverter;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.VerifiedPeer;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code signet identity verify}. */
@Command(
    name = "verify",
    description = {
      "Verifies a certificate chain as a proxy would: does it lead to a trust anchor, for both sides"
          + " of TLS, now?"
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the chain verifies",
      "1:it does not; the reason is on standard output",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet identity verify leaf.pem --trust-anchors anchors.pem",
      "  signet identity verify leaf.pem --trust-anchors anchors.pem --crl signet.crl \\",
      "      --identity web.shop.serviceaccount.identity.signet.cluster.local",
      "  signet identity verify leaf.pem --trust-anchors anchors.pem --valid-for 5h"
    })
public final class IdentityVerifyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Parameters(
      paramLabel = "FILE",
      description = "The chain in PEM, leaf first; - for standard input.")
  private Path file = Path.of("");

  @Option(
      names = "--trust-anchors",
      required = true,
      paramLabel = "FILE",
      description = "PEM: the trust anchors.")
  private Path anchors = Path.of("");

  @Option(
      names = "--identity",
      paramLabel = "NAME",
      description = "DNS name or SPIFFE id that the leaf must have.")
  private @Nullable String identity;

  @Option(
      names = "--purpose",
      paramLabel = "PURPOSE",
      description = "client or server (default: both).")
  private @Nullable Purpose purpose;

  @Option(
      names = "--crl",
      paramLabel = "FILE",
      description = "A revocation list, in DER or PEM. May be given more than once.")
  private List<Path> lists = new ArrayList<>();

  @Option(
      names = "--at",
      paramLabel = "TIME",
      converter = TimeConverter.class,
      description = "The time to verify at, as in 2027-01-31T12:00:00Z (default: now).")
  private @Nullable Instant at;

  @Option(
      names = "--valid-for",
      paramLabel = "DURATION",
      converter = StateDirectory.Durations.class,
      description = {
        "Fail also when the chain does not verify that much later, because the leaf or a CA above",
        "it ends before: a check of the life left."
      })
  private Duration validFor = Duration.ZERO;

  @Override
  public Integer call() throws Exception {
    List<X509Certificate> chain = CertificateFiles.read(file);
    TrustBundle trust;
    try {
      trust = new TrustBundle(0, "anchors", CertificateFiles.read(anchors));
    } catch (IllegalArgumentException e) {
      throw CommandFailure.configuration(anchors + ": " + e.getMessage(), e);
    }
    List<X509CRL> revoked = new ArrayList<>();
    for (Path list : lists) {
      revoked.add(RevocationFiles.read(list));
    }
    Clock now = Clock.systemUTC();
    InstantSource clock = at == null ? now : InstantSource.fixed(at);
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    Optional<String> fault = fault(chain, trust, revoked, clock);
    if (fault.isEmpty() && validFor.isPositive()) {
      Instant later = clock.instant().plus(validFor);
      fault =
          fault(chain, trust, List.of(), InstantSource.fixed(later))
              .map(why -> "at " + later + ": " + why);
    }
    if (fault.isPresent()) {
      out.println("does not verify: " + fault.get());
      return ExitCode.NEGATIVE;
    }
    X509Certificate leaf = chain.getFirst();
    out.println(
        "verifies: "
            + Certificates.describe(leaf)
            + ", "
            + new CertificatePrinter(clock.instant()).lifeLeft(leaf));
    return ExitCode.OK;
  }

  /** Why the chain does not verify; empty when it does. */
  private Optional<String> fault(
      List<X509Certificate> chain, TrustBundle trust, List<X509CRL> revoked, InstantSource clock)
      throws CommandFailure {
    ChainVerifier verifier = ChainVerifier.of(trust, clock);
    List<Purpose> purposes = purpose == null ? List.of(Purpose.values()) : List.of(purpose);
    for (Purpose each : purposes) {
      VerifiedPeer peer;
      try {
        peer = verifier.verifyPeer(chain, each);
      } catch (CertificateException e) {
        return Optional.of(String.valueOf(e.getMessage()));
      }
      String expected = identity;
      if (expected != null && !peer.identity().matches(expected)) {
        return Optional.of(
            "the certificate is of " + peer.identity().names() + ": expected " + expected);
      }
      for (X509CRL list : revoked) {
        Optional<String> listed = listed(peer, list, clock.instant());
        if (listed.isPresent()) {
          return listed;
        }
      }
    }
    return Optional.empty();
  }

  private static Optional<String> listed(VerifiedPeer peer, X509CRL list, Instant now)
      throws CommandFailure {
    X509Certificate signer = null;
    for (X509Certificate certificate : peer.path()) {
      if (certificate.getBasicConstraints() >= 0
          && certificate.getSubjectX500Principal().equals(list.getIssuerX500Principal())) {
        signer = certificate;
      }
    }
    if (signer == null) {
      throw CommandFailure.configuration(
          "revocation list of "
              + list.getIssuerX500Principal().getName()
              + ": expected one of an issuer of the chain");
    }
    try {
      list.verify(signer.getPublicKey());
    } catch (GeneralSecurityException e) {
      throw CommandFailure.configuration(
          "revocation list of "
              + list.getIssuerX500Principal().getName()
              + " is not signed by "
              + Certificates.describe(signer),
          e);
    }
    if (list.getNextUpdate() == null || now.isAfter(list.getNextUpdate().toInstant())) {
      throw CommandFailure.configuration(
          "revocation list of "
              + list.getIssuerX500Principal().getName()
              + " is out of date: its next update was due at "
              + (list.getNextUpdate() == null ? "no time" : list.getNextUpdate().toInstant()));
    }
    for (X509Certificate certificate : peer.path()) {
      X509CRLEntry entry = list.getRevokedCertificate(certificate);
      if (entry != null) {
        return Optional.of(
            "certificate "
                + Certificates.describe(certificate)
                + " was revoked at "
                + entry.getRevocationDate().toInstant()
                + (entry.getRevocationReason() == null
                    ? ""
                    : ", reason " + entry.getRevocationReason()));
      }
    }
    return Optional.empty();
  }
}
