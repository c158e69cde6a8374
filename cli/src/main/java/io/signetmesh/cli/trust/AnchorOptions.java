package io.signetmesh.cli.trust;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.command.TokenOptions;
import io.signetmesh.cli.identity.CertificateFiles;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.v1.GeneratedAnchor;
import io.signetmesh.v1.ProvidedAnchor;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.TokenAnchor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options for the anchor that a rotation leads to: generated, in files, or in a token. */
final class AnchorOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--generate",
      description = "The identity server makes a new anchor, with a fresh key (default).")
  private boolean generate;

  @Option(
      names = "--new-anchor",
      paramLabel = "FILE",
      description = {
        "PEM or DER: a new anchor of your own, self-signed. With --new-anchor-key.",
        "Or the directory of a mounted Secret with its key: crt.pem and key.pem (linkerd.io/tls), or"
            + " tls.crt and tls.key (kubernetes.io/tls)."
      })
  private @Nullable Path file;

  @Option(
      names = "--new-anchor-key",
      paramLabel = "FILE",
      description = "Its private key: PKCS#8, SEC 1 or PKCS#1; mode 0600.")
  private @Nullable Path keyFile;

  @Option(
      names = "--key-kind",
      paramLabel = "KIND",
      description = "Generated: p256 (default), p384, ed25519, rsa2048, rsa3072 or rsa4096.")
  private @Nullable String keyKind;

  @Option(
      names = "--anchor-lifetime",
      paramLabel = "DURATION",
      converter = StateDirectory.Durations.class,
      description = "Generated: its life (default: 3650d).")
  private java.time.@Nullable Duration lifetime;

  @ArgGroup(exclusive = false, heading = "%nThe new anchor's key in a token:%n")
  private @Nullable Token token;

  /** The token with the anchor's key. The identity server reads these paths. */
  static final class Token extends TokenOptions {
    @Option(
        names = "--pkcs11-key",
        required = true,
        paramLabel = "LABEL",
        description =
            "Label of the anchor's key and certificate. When the token has none, they are made in"
                + " the token (--key-kind, --anchor-lifetime).")
    private String key = "";
  }

  /**
   * Refuses options that do not go together.
   *
   * @throws ParameterException naming them
   */
  void check() {
    if (isDirectory() && keyFile != null) {
      throw usage("--new-anchor names a directory, which has the key: leave --new-anchor-key out");
    }
    if (!isDirectory() && (file == null) != (keyFile == null)) {
      throw usage("--new-anchor and --new-anchor-key go together");
    }
    if (file != null && (generate || keyKind != null || lifetime != null)) {
      throw usage(
          "--new-anchor goes without --generate, --key-kind and --anchor-lifetime: the file says"
              + " it");
    }
    if (token != null && (file != null || generate)) {
      throw usage("the --pkcs11 options go without --new-anchor and --generate");
    }
    if (keyKind != null) {
      try {
        KeyKind.parse(keyKind);
      } catch (IllegalArgumentException e) {
        throw usage("--key-kind: " + e.getMessage());
      }
    }
    if (lifetime != null && !lifetime.isPositive()) {
      throw usage("--anchor-lifetime: expected more than 0");
    }
  }

  private boolean isDirectory() {
    return file != null && Files.isDirectory(file);
  }

  /**
   * The file in the directory of a Secret.
   *
   * @param name part of the name, {@code crt} or {@code key}
   */
  private static Path inSecret(Path directory, String name) throws CommandFailure {
    // A kubelet changes all files at once by this link: they have to be of one version.
    Path version = directory.resolve("..data");
    try {
      version = Files.exists(version) ? version.toRealPath() : directory;
    } catch (IOException e) {
      throw CommandFailure.configuration(version + " leads nowhere: " + e.getMessage(), e);
    }
    boolean linkerd = Files.exists(version.resolve("crt.pem"));
    boolean kubernetes = Files.exists(version.resolve("tls.crt"));
    if (linkerd == kubernetes) {
      throw CommandFailure.configuration(
          directory
              + " holds "
              + (linkerd ? "both crt.pem and tls.crt" : "neither crt.pem nor tls.crt")
              + ": expected crt.pem and key.pem (linkerd.io/tls), or tls.crt and tls.key"
              + " (kubernetes.io/tls)");
    }
    return version.resolve(linkerd ? name + ".pem" : "tls." + name);
  }

  /**
   * Puts the anchor into a request.
   *
   * @throws CommandFailure when a file cannot be used, with its name
   */
  void put(StartRotationRequest.Builder request) throws CommandFailure {
    Path certificate = file;
    Path key = keyFile;
    if (certificate != null && isDirectory()) {
      key = inSecret(certificate, "key");
      certificate = inSecret(certificate, "crt");
    }
    Token inToken = token;
    if (inToken != null) {
      request.setToken(inToken(inToken));
      return;
    }
    if (certificate == null || key == null) {
      GeneratedAnchor.Builder generated = GeneratedAnchor.newBuilder();
      if (keyKind != null) {
        generated.setKeyKind(keyKind);
      }
      if (lifetime != null) {
        generated.setLifetime(Duration.newBuilder().setSeconds(lifetime.toSeconds()));
      }
      request.setGenerate(generated);
      return;
    }
    List<X509Certificate> anchors = CertificateFiles.read(certificate);
    if (anchors.size() != 1) {
      throw CommandFailure.configuration(
          certificate + ": " + anchors.size() + " certificates: expected one, the new anchor");
    }
    X509Certificate anchor = anchors.getFirst();
    PrivateKey secret = read(key);
    if (!PrivateKeys.matches(secret, anchor.getPublicKey())) {
      throw CommandFailure.configuration(
          key + " is not the key of " + Certificates.describe(anchor) + " in " + certificate);
    }
    request.setProvided(
        ProvidedAnchor.newBuilder()
            .setCertificate(ByteString.copyFrom(Certificates.der(anchor)))
            .setPrivateKey(ByteString.copyFrom(secret.getEncoded())));
  }

  private TokenAnchor inToken(Token with) {
    TokenAnchor.Builder anchor =
        TokenAnchor.newBuilder()
            .setLibrary(with.library().toAbsolutePath().toString())
            .setToken(with.label())
            .setPinFile(with.pin().toAbsolutePath().toString())
            .setKey(with.key);
    if (keyKind != null) {
      anchor.setKeyKind(keyKind);
    }
    if (lifetime != null) {
      anchor.setLifetime(Duration.newBuilder().setSeconds(lifetime.toSeconds()));
    }
    return anchor.build();
  }

  private static PrivateKey read(Path key) throws CommandFailure {
    try {
      StateFiles.requireSecret(key);
      return PrivateKeys.read(key);
    } catch (NoSuchFileException e) {
      throw CommandFailure.configuration(key + " does not exist", e);
    } catch (IOException e) {
      throw CommandFailure.configuration(key + " cannot be read: " + e.getMessage(), e);
    } catch (PkiException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
