package io.signetmesh.cli.command;

import io.signetmesh.identity.ca.source.AuthoritySource;
import io.signetmesh.identity.ca.source.PemFiles;
import io.signetmesh.identity.ca.source.Pkcs11Token;
import io.signetmesh.identity.ca.source.Pkcs12File;
import io.signetmesh.identity.ca.source.SecretDirectory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Options for an issuer of the user's own: PEM files, a directory like a Kubernetes Secret, a
 * PKCS#12 file, or a PKCS#11 token.
 */
public final class IssuerOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--trust-anchors",
      paramLabel = "FILE",
      description = {
        "PEM: the trust anchors, for an issuer of your own. Issuer and anchors are followed: what",
        "changes and fits together is in force within a second."
      })
  private @Nullable Path anchors;

  @Option(
      names = "--issuer-certificates",
      paramLabel = "FILE",
      description = "PEM: the issuer's certificate, then intermediates. With --issuer-key.")
  private @Nullable Path certificates;

  @Option(
      names = "--issuer-key",
      paramLabel = "FILE",
      description = "The issuer's private key: PKCS#8, SEC 1 or PKCS#1.")
  private @Nullable Path key;

  @Option(
      names = "--issuer-directory",
      paramLabel = "DIR",
      description = {
        "Directory like a Kubernetes Secret: crt.pem and key.pem (linkerd.io/tls), or tls.crt,",
        "tls.key and ca.crt (kubernetes.io/tls). --trust-anchors goes before ca.crt."
      })
  private @Nullable Path directory;

  @Option(
      names = "--issuer-pkcs12",
      paramLabel = "FILE",
      description = "PKCS#12 file with the issuer's key and chain. With --issuer-password-file.")
  private @Nullable Path pkcs12;

  @Option(
      names = "--issuer-password-file",
      paramLabel = "FILE",
      description = "Password of the PKCS#12 file; mode 0600.")
  private @Nullable Path password;

  @Option(
      names = "--issuer-pkcs11-library",
      paramLabel = "FILE",
      description = "Library of a token (PKCS#11) with the issuer's key and certificate.")
  private @Nullable Path library;

  @Option(
      names = "--issuer-pkcs11-token",
      paramLabel = "LABEL",
      description = "Label of the token.")
  private @Nullable String token;

  @Option(
      names = "--issuer-pkcs11-pin-file",
      paramLabel = "FILE",
      description = "PIN of the token's user; mode 0600.")
  private @Nullable Path pin;

  @Option(
      names = "--issuer-pkcs11-key",
      paramLabel = "LABEL",
      description = "Label of the issuer's key and certificate in the token.")
  private @Nullable String keyLabel;

  /**
   * The issuer that the options name.
   *
   * @return empty when no option is set
   * @throws ParameterException when options that belong together are incomplete, or name several
   *     issuers
   */
  public Optional<AuthoritySource> source() {
    Map<String, List<@Nullable Object>> places = new LinkedHashMap<>();
    places.put("--issuer-certificates and --issuer-key", list(certificates, key));
    places.put("--issuer-directory", list(directory));
    places.put("--issuer-pkcs12 and --issuer-password-file", list(pkcs12, password));
    places.put(
        "--issuer-pkcs11-library, --issuer-pkcs11-token, --issuer-pkcs11-pin-file and"
            + " --issuer-pkcs11-key",
        list(library, token, pin, keyLabel));
    List<String> used = new ArrayList<>();
    places.forEach(
        (names, values) -> {
          if (values.stream().anyMatch(value -> value != null)) {
            used.add(names);
            if (values.contains(null)) {
              throw wrong("expected " + names + " together");
            }
          }
        });
    if (used.size() > 1) {
      throw wrong("expected one issuer, not several: " + String.join("; ", used));
    }
    if (used.isEmpty()) {
      if (anchors != null) {
        throw wrong("--trust-anchors: expected an issuer with it, e.g. --issuer-directory");
      }
      return Optional.empty();
    }
    if (anchors == null && directory == null) {
      throw wrong(used.getFirst() + ": expected --trust-anchors with it");
    }
    return Optional.of(make());
  }

  private AuthoritySource make() {
    Path trusted = anchors;
    if (directory != null) {
      return new SecretDirectory(directory, trusted);
    }
    Path known = require(trusted);
    if (certificates != null) {
      return new PemFiles(certificates, require(key), known);
    }
    if (pkcs12 != null) {
      return new Pkcs12File(pkcs12, require(password), known);
    }
    return new Pkcs11Token(token().orElseThrow(), known);
  }

  /**
   * The key in a PKCS#11 token that the options name; empty when none of them is set.
   *
   * @throws ParameterException when only some of the options are set
   */
  public Optional<Pkcs11Token.Config> token() {
    if (library == null && token == null && pin == null && keyLabel == null) {
      return Optional.empty();
    }
    if (library == null || token == null || pin == null || keyLabel == null) {
      throw wrong(
          "expected --issuer-pkcs11-library, --issuer-pkcs11-token, --issuer-pkcs11-pin-file and"
              + " --issuer-pkcs11-key together");
    }
    try {
      return Optional.of(new Pkcs11Token.Config(library, token, pin, keyLabel));
    } catch (IllegalArgumentException e) {
      throw wrong(String.valueOf(e.getMessage()));
    }
  }

  /** The file with the trust anchors; empty when the option is not set. */
  public Optional<Path> anchors() {
    return Optional.ofNullable(anchors);
  }

  private static Path require(@Nullable Path path) {
    if (path == null) {
      throw new IllegalStateException("checked before");
    }
    return path;
  }

  private static List<@Nullable Object> list(@Nullable Object... values) {
    List<@Nullable Object> list = new ArrayList<>();
    for (Object value : values) {
      list.add(value);
    }
    return list;
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
