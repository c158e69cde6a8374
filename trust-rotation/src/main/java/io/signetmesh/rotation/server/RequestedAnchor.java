package io.signetmesh.rotation.server;

import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.source.CaKey;
import io.signetmesh.identity.ca.source.Pkcs11Token;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.rotation.NewAnchor;
import io.signetmesh.rotation.TrustAuthority;
import io.signetmesh.v1.GeneratedAnchor;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.TokenAnchor;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The anchor that the start of a rotation asks for. What is wrong with it is INVALID_ARGUMENT. */
final class RequestedAnchor {
  private static final Duration DEFAULT_ANCHOR_LIFE = Duration.ofDays(3650);
  private static final Duration MAX_ANCHOR_LIFE = Duration.ofDays(36_500);

  private final StartRotationRequest request;
  private final TrustAuthority trust;

  RequestedAnchor(StartRotationRequest request, TrustAuthority trust) {
    this.request = request;
    this.trust = trust;
  }

  /**
   * The anchor that is asked for, one that is generated included; null when none is, or the token
   * has none yet.
   */
  @Nullable NewAnchor find() throws PkiException {
    return switch (request.getAnchorCase()) {
      case GENERATE -> {
        GeneratedAnchor generate = request.getGenerate();
        yield trust.makeAnchor(
            keyKind(generate.getKeyKind()),
            life(generate.hasLifetime() ? generate.getLifetime() : null));
      }
      case PROVIDED -> provided();
      case TOKEN -> inToken(request.getToken());
      case ANCHOR_NOT_SET -> null;
    };
  }

  /** An anchor like the one that is to be made in the token. */
  NewAnchor example() throws PkiException {
    return trust.makeAnchor(keyKind(request.getToken()), life(request.getToken()));
  }

  /** Makes the anchor in the token. */
  NewAnchor makeInToken() throws PkiException {
    TokenAnchor token = request.getToken();
    return trust.makeAnchor(place(token), keyKind(token), life(token));
  }

  /**
   * The anchor in a token; null when it has none yet.
   *
   * <p>The library is code that this process runs. Whoever may ask for it is the user of this
   * process or root.
   */
  private @Nullable NewAnchor inToken(TokenAnchor token) {
    try {
      return trust.findAnchor(place(token));
    } catch (PkiException e) {
      throw RotationService.invalid(String.valueOf(e.getMessage()));
    }
  }

  private static Pkcs11Token.Config place(TokenAnchor token) {
    for (String path : List.of(token.getLibrary(), token.getPinFile())) {
      if (!path.startsWith("/")) {
        throw RotationService.invalid(
            "path '" + WorkloadIdentity.printable(path) + "': expected an absolute one");
      }
    }
    try {
      return new Pkcs11Token.Config(
          Path.of(token.getLibrary()),
          token.getToken(),
          Path.of(token.getPinFile()),
          token.getKey());
    } catch (IllegalArgumentException e) {
      throw RotationService.invalid(String.valueOf(e.getMessage()));
    }
  }

  private static KeyKind keyKind(TokenAnchor token) {
    KeyKind kind = keyKind(token.getKeyKind());
    if (kind == KeyKind.ED25519) {
      throw RotationService.invalid(
          "key type ed25519 cannot be made in a token: expected p256, p384 or RSA");
    }
    return kind;
  }

  private static Duration life(TokenAnchor token) {
    return life(token.hasLifetime() ? token.getLifetime() : null);
  }

  private static Duration life(com.google.protobuf.@Nullable Duration asked) {
    Duration life = asked == null ? DEFAULT_ANCHOR_LIFE : Duration.ofSeconds(asked.getSeconds());
    if (life.isNegative() || life.isZero() || life.compareTo(MAX_ANCHOR_LIFE) > 0) {
      throw RotationService.invalid(
          "anchor lifetime " + life + ": expected up to " + MAX_ANCHOR_LIFE.toDays() + " days");
    }
    return life;
  }

  private static KeyKind keyKind(String name) {
    try {
      return name.isEmpty() ? KeyKind.P256 : KeyKind.parse(name);
    } catch (IllegalArgumentException e) {
      throw RotationService.invalid(String.valueOf(e.getMessage()));
    }
  }

  private NewAnchor provided() {
    try {
      X509Certificate certificate =
          Certificates.parseDer("new anchor", request.getProvided().getCertificate().toByteArray());
      PrivateKey key =
          PrivateKeys.parsePkcs8(
              "key of the new anchor", request.getProvided().getPrivateKey().toByteArray());
      return NewAnchor.of(certificate, CaKey.of(key));
    } catch (PkiException e) {
      throw RotationService.invalid(String.valueOf(e.getMessage()));
    }
  }
}
