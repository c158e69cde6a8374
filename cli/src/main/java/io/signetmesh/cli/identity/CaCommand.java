package io.signetmesh.cli.identity;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.IssuerOptions;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.identity.ca.CaHealth;
import io.signetmesh.identity.ca.CaHealth.Finding;
import io.signetmesh.identity.ca.CaHealth.Level;
import io.signetmesh.identity.ca.source.AuthoritySource;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.ca.source.RefusedMaterialException;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that reads the certificates of a CA, wherever it is. */
abstract class CaCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Option(
      names = "--state",
      paramLabel = "DIR",
      description = "State directory of an identity server that made its own CA.")
  private @Nullable Path state;

  @Mixin private IssuerOptions issuer = new IssuerOptions();

  /**
   * The certificates of a CA.
   *
   * @param chain issuer first
   */
  record Ca(List<X509Certificate> chain, List<X509Certificate> anchors) {}

  /**
   * Reads the CA that the options name.
   *
   * @throws CommandFailure when it cannot be read, or its parts do not fit together
   */
  final Ca read() throws CommandFailure {
    AuthoritySource source = issuer.source().orElse(null);
    Path directory = state;
    if ((source == null) == (directory == null)) {
      throw new ParameterException(
          spec.commandLine(),
          "expected --state DIR, or where an issuer of your own is, e.g. --issuer-directory");
    }
    try {
      if (source != null) {
        AuthoritySource.Material material = source.read().parser().parse();
        return new Ca(material.chain(), material.anchors());
      }
      EmbeddedAuthority.Shown certificates =
          EmbeddedAuthority.certificates(directory.toAbsolutePath());
      return new Ca(certificates.chain(), certificates.anchors());
    } catch (IOException | PkiException | RefusedMaterialException e) {
      throw CommandFailure.configuration("the CA cannot be read: " + e.getMessage(), e);
    }
  }

  /** Standard output. */
  final PrintWriter out() {
    return new PlainWriter(spec.commandLine().getOut());
  }

  static void print(ObjectNode json, PrintWriter out) throws IOException {
    out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json));
  }

  /** Level and findings. */
  static ObjectNode json(CaHealth health) {
    ObjectNode json = JSON.createObjectNode();
    json.put("health", word(health.level()));
    ArrayNode findings = json.putArray("findings");
    for (Finding finding : health.findings()) {
      findings.addObject().put("level", word(finding.level())).put("message", finding.message());
    }
    return json;
  }

  static String word(Level level) {
    return level.name().toLowerCase(Locale.ROOT);
  }
}
