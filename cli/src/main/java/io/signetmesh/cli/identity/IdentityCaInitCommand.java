package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MeshOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.command.TokenOptions;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.ca.source.Pkcs11Token;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet identity ca init}. */
@Command(
    name = "init",
    description = {
      "Makes a trust anchor and an issuer under it, with fresh keys.",
      "They are kept in the state directory; with the --pkcs11 options the keys are generated in a"
          + " token and never leave it. What is there already is never overwritten."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet identity ca init --state /var/lib/signet --key-type p384",
      "  signet identity ca init --state /var/lib/signet \\",
      "      --pkcs11-library /usr/lib/softhsm/libsofthsm2.so --pkcs11-token signet \\",
      "      --pkcs11-pin-file /etc/signet/pin --pkcs11-key issuer"
    })
public final class IdentityCaInitCommand implements Callable<Integer> {
  /** Where the anchor of a CA in a token goes. */
  private static final String ANCHORS = "anchors.crt";

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private MeshOptions mesh = new MeshOptions();

  @Option(
      names = "--key-type",
      paramLabel = "TYPE",
      defaultValue = "p256",
      description = {
        "Keys of anchor and issuer: p256, p384, ed25519, rsa2048, rsa3072 or rsa4096",
        "(default: ${DEFAULT-VALUE})."
      })
  private String keyType = "p256";

  @Option(
      names = "--anchor-lifetime",
      paramLabel = "DURATION",
      defaultValue = "3650d",
      converter = StateDirectory.Durations.class,
      description = "Life of the trust anchor (default: ${DEFAULT-VALUE}).")
  private Duration anchorLifetime = Duration.ofDays(3650);

  @Option(
      names = "--issuer-lifetime",
      paramLabel = "DURATION",
      defaultValue = "365d",
      converter = StateDirectory.Durations.class,
      description = "Life of the issuer (default: ${DEFAULT-VALUE}; at least 1h).")
  private Duration issuerLifetime = Duration.ofDays(365);

  @ArgGroup(exclusive = false, heading = "%nKeys in a token:%n")
  private @Nullable Token token;

  /** The token to generate keys in. */
  static final class Token extends TokenOptions {
    @Option(
        names = "--pkcs11-key",
        required = true,
        paramLabel = "LABEL",
        description = "Label for the issuer's key; the anchor's is the same with -anchor.")
    private String key = "";
  }

  @Override
  public Integer call() throws Exception {
    EmbeddedAuthority.Plan plan;
    Pkcs11Token.Config config;
    Token inToken = token;
    try {
      plan = new EmbeddedAuthority.Plan(KeyKind.parse(keyType), anchorLifetime, issuerLifetime);
      config =
          inToken == null
              ? null
              : new Pkcs11Token.Config(
                  inToken.library(), inToken.label(), inToken.pin(), inToken.key);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    Path state = mesh.state().root();
    try {
      if (config == null) {
        EmbeddedAuthority made =
            EmbeddedAuthority.create(
                state, mesh.controlPlaneNamespace(), mesh.trustDomain(), plan, Clock.systemUTC());
        out.println("made a CA in " + state.resolve("ca"));
        out.println("trust anchor: " + Certificates.describe(made.anchor()));
      } else {
        initToken(config, plan, state, out);
      }
    } catch (IOException | PkiException e) {
      throw CommandFailure.configuration("no CA was made: " + e.getMessage(), e);
    }
    out.flush();
    return ExitCode.OK;
  }

  private void initToken(
      Pkcs11Token.Config config, EmbeddedAuthority.Plan plan, Path state, PrintWriter out)
      throws IOException, PkiException {
    Path anchors = state.resolve(ANCHORS);
    if (Files.exists(anchors)) {
      throw new PkiException(anchors + " exists: expected no CA yet; nothing was changed");
    }
    StateFiles.createDirectory(state);
    X509Certificate anchor =
        Pkcs11Token.create(
            config,
            mesh.controlPlaneNamespace() + "." + mesh.trustDomain(),
            plan,
            Clock.systemUTC().instant());
    StateFiles.writePublic(anchors, Certificates.toPem(List.of(anchor)));
    out.println("made a CA in token " + config.token());
    out.println("trust anchor: " + Certificates.describe(anchor) + ", in " + anchors);
    out.println("Run the server with it:");
    out.println("  signet identity --state " + state + " --trust-anchors " + anchors + " \\");
    out.println("      --issuer-pkcs11-library " + config.library() + " \\");
    out.println("      --issuer-pkcs11-token '" + config.token() + "' \\");
    out.println("      --issuer-pkcs11-pin-file " + config.pinFile() + " \\");
    out.println("      --issuer-pkcs11-key '" + config.keyLabel() + "'");
  }
}
