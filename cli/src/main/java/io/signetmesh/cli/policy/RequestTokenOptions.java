package io.signetmesh.cli.policy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.TextInput;
import io.signetmesh.cli.command.TimeConverter;
import io.signetmesh.cli.identity.CertificateFiles;
import io.signetmesh.cli.simulate.CallToken;
import io.signetmesh.jwt.Thumbprint;
import java.nio.file.Path;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The token of a call that is asked about. */
final class RequestTokenOptions {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();

  @Option(
      names = "--token",
      paramLabel = "FILE|-|TOKEN",
      description = {
        "Token of the request, which is verified: in a file, from standard input (-), or itself.",
        "Other users of the machine can see arguments; they do not see a file or standard input.",
        "It is sent as Authorization: Bearer, or wherever --header or --path have {token}."
      })
  private @Nullable String token;

  @Option(
      names = "--claims",
      paramLabel = "JSON|FILE|-",
      description = {
        "Instead of a token: its claims, taken as signed by their issuer (iss). All else is checked.",
        "exp, nbf and iat may be relative to the time of the call, as in \"exp\": \"+5m\"."
      })
  private @Nullable String claims;

  @Option(
      names = "--client-cert",
      paramLabel = "FILE",
      description = "Certificate of the client in PEM, for tokens that are bound to it.")
  private @Nullable Path certificate;

  @Option(
      names = "--at",
      paramLabel = "TIME",
      converter = TimeConverter.class,
      description = "Time of the call, as in 2027-01-31T12:00:00Z: tokens end (default: now).")
  private @Nullable Instant at;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command = CommandSpec.create();

  /** The token of the call; null for none. */
  @Nullable CallToken token() throws CommandFailure {
    String sent = token;
    String assumed = claims;
    if (sent != null && assumed != null) {
      throw new ParameterException(
          command.commandLine(), "--token and --claims: expected one of them");
    }
    if (sent != null) {
      return new CallToken.Text(TextInput.token(sent));
    }
    return assumed == null
        ? null
        : new CallToken.Claims(
            null,
            object(assumed.stripLeading().startsWith("{") ? assumed : TextInput.read(assumed)));
  }

  private static ObjectNode object(String text) throws CommandFailure {
    try {
      JsonNode json = JSON.readTree(text);
      if (json instanceof ObjectNode object) {
        return object;
      }
    } catch (JsonProcessingException e) {
      throw CommandFailure.configuration(
          "--claims: not JSON at line "
              + e.getLocation().getLineNr()
              + ", column "
              + e.getLocation().getColumnNr());
    }
    throw CommandFailure.configuration("--claims: expected a JSON object");
  }

  /** SHA-256 of the client's certificate; null when none is given. */
  @Nullable Thumbprint certificate() throws CommandFailure {
    return certificate == null
        ? null
        : Thumbprint.ofCertificate(CertificateFiles.read(certificate).getFirst());
  }

  /** Time of the call; null for now. */
  @Nullable Instant at() {
    return at;
  }
}
