package io.signetmesh.cli.token;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.OutputOptions;
import io.signetmesh.cli.command.TextInput;
import io.signetmesh.cli.command.TimeConverter;
import io.signetmesh.cli.identity.CertificateFiles;
import io.signetmesh.cli.simulate.KeyFiles;
import io.signetmesh.cli.simulate.PolicySources;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.InvalidManifestsException;
import io.signetmesh.crds.text.NearestName;
import io.signetmesh.jwt.InvalidAuthenticationException;
import io.signetmesh.jwt.Thumbprint;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.policy.effective.TokenGrants;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyModel;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.token.KnownKeys;
import io.signetmesh.v1.JwtKeySet;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code signet jwt verify}. */
@Command(
    name = "verify",
    description = {
      "Makes each check that a proxy makes of a JSON Web Token, and says what came of it. Nothing is"
          + " fetched, and the token is never shown."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the token is accepted",
      "1:it is refused; the checks are on standard output",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet jwt verify --manifest users.yaml --keys keys.json - < token",
      "  signet jwt verify --manifest manifests --authentication shop/users token.txt",
      "  signet jwt verify --manifest users.yaml --client-cert client.pem \\",
      "      --at 2027-01-31T12:00:00Z -o json token.txt"
    })
public final class JwtVerifyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Option(
      names = "--manifest",
      required = true,
      paramLabel = "PATH",
      description = {
        "File or directory with the JWTAuthentication, and with the ConfigMap or Secret that has its",
        "keys; may be given several times."
      })
  private List<Path> manifests = List.of();

  @Option(
      names = "--authentication",
      paramLabel = "NAMESPACE/NAME",
      description = "The JWTAuthentication (default: the only one of the manifests).")
  private @Nullable String authentication;

  @Option(
      names = "--default-namespace",
      paramLabel = "NAMESPACE",
      description = "Namespace of objects that name none.")
  private @Nullable String defaultNamespace;

  @Option(
      names = "--keys",
      paramLabel = "FILE",
      description = "JWK set to use instead of the keys that the JWTAuthentication names.")
  private @Nullable Path keys;

  @Option(
      names = "--client-cert",
      paramLabel = "FILE",
      description = "Certificate of the client in PEM, for tokens that are bound to it.")
  private @Nullable Path certificate;

  @Option(
      names = "--at",
      paramLabel = "TIME",
      converter = TimeConverter.class,
      description = "The time to verify at, as in 2027-01-31T12:00:00Z (default: now).")
  private @Nullable Instant at;

  @Mixin private OutputOptions output = new OutputOptions();

  @Parameters(
      paramLabel = "FILE|-|TOKEN",
      description = {
        "The token: in a file, from standard input (-), or itself. Other users of the machine can see",
        "arguments; they do not see a file or standard input."
      })
  private String token = TextInput.STANDARD_INPUT;

  @Override
  public Integer call() throws Exception {
    byte[] sent = TextInput.token(token).getBytes(StandardCharsets.UTF_8);
    Thumbprint shown =
        certificate == null
            ? null
            : Thumbprint.ofCertificate(CertificateFiles.read(certificate).getFirst());
    CheckedToken checked =
        CheckedToken.of(compiled(), sent, shown, at == null ? Instant.now() : at);
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    if (output.isJson()) {
      out.println(
          new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(checked.json()));
    } else {
      checked.print(out);
    }
    out.flush();
    return checked.accepted() ? ExitCode.OK : ExitCode.NEGATIVE;
  }

  private TokenAuthentication compiled() throws CommandFailure {
    Map<ObjectRef, PolicyObject> objects = objects();
    JwtModel.Authentication found = find(objects);
    String name = JwtModel.nameOf(found.ref());
    KnownKeys known;
    try {
      known = keys == null ? TokenGrants.keys(found, objects::get) : KeyFiles.read(keys);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
    try {
      return TokenAuthentication.compile(
          found.message().toBuilder()
              .setKeySet(
                  JwtKeySet.newBuilder().setJwks(known.jwks()).setUnavailable(known.unavailable()))
              .build());
    } catch (InvalidAuthenticationException e) {
      throw CommandFailure.configuration("JWTAuthentication " + name + ": " + e.getMessage(), e);
    }
  }

  private Map<ObjectRef, PolicyObject> objects() throws CommandFailure {
    for (Path path : manifests) {
      if (!Files.exists(path)) {
        throw CommandFailure.configuration(path + " does not exist");
      }
    }
    ClusterView view;
    try {
      view = PolicySources.read(manifests, defaultNamespace).view();
    } catch (InvalidManifestsException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
    // Identities of service accounts have no part in this.
    PolicyModel reader = new PolicyModel((account, namespace) -> account + "." + namespace);
    Map<ObjectRef, PolicyObject> objects = new HashMap<>();
    for (ResourceKey key : view.objects().keySet()) {
      PolicyModel.refOf(key)
          .flatMap(ref -> reader.read(view, ref))
          .ifPresent(object -> objects.put(object.ref(), object));
    }
    return KeyFiles.withoutFetched(objects);
  }

  private JwtModel.Authentication find(Map<ObjectRef, PolicyObject> objects) throws CommandFailure {
    Map<String, JwtModel.Authentication> known = new TreeMap<>();
    for (PolicyObject object : objects.values()) {
      if (object instanceof JwtModel.Authentication one) {
        known.put(JwtModel.nameOf(one.ref()), one);
      }
    }
    String wanted = authentication;
    if (wanted == null && known.size() != 1) {
      throw CommandFailure.configuration(
          known.isEmpty()
              ? "there is no JWTAuthentication in the manifests"
              : "the manifests have several JWTAuthentications: expected --authentication with one"
                  + " of "
                  + String.join(", ", known.keySet()));
    }
    JwtModel.Authentication found =
        wanted == null ? known.values().iterator().next() : known.get(wanted);
    if (found == null) {
      throw CommandFailure.configuration(
          "there is no JWTAuthentication '"
              + wanted
              + "' in the manifests"
              + NearestName.hint(String.valueOf(wanted), known.keySet()));
    }
    return found;
  }
}
