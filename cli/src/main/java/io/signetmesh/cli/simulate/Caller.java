package io.signetmesh.cli.simulate;

import io.signetmesh.jwt.Thumbprint;
import io.signetmesh.policy.clients.ClientWorkload;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.jspecify.annotations.Nullable;

/**
 * A client.
 *
 * @param identity identity in its certificate; null without one
 * @param ip address of the client
 * @param tls whether the connection uses mesh TLS
 * @param assumedIp why this address was assumed; null when the address was given
 * @param at workload that has this address, if the client has no identity and may be that workload;
 *     else null
 * @param certificate SHA-256 of its certificate; null when it shows none. One that is not known
 *     counts as one that nobody else has.
 */
public record Caller(
    @Nullable String identity,
    InetAddress ip,
    boolean tls,
    @Nullable String assumedIp,
    @Nullable ClientWorkload at,
    @Nullable Thumbprint certificate) {
  /**
   * Checks that an identity comes with mesh TLS.
   *
   * @throws IllegalArgumentException when there is an identity without mesh TLS
   */
  public Caller {
    if (identity != null && !tls) {
      throw new IllegalArgumentException(
          "identity " + identity + " without mesh TLS: an identity is shown in mesh TLS only");
    }
  }

  /** A caller whose certificate is not known but for its identity. */
  Caller(
      @Nullable String identity,
      InetAddress ip,
      boolean tls,
      @Nullable String assumedIp,
      @Nullable ClientWorkload at) {
    this(identity, ip, tls, assumedIp, at, identity == null ? null : standIn(identity));
  }

  /** The same with a certificate. */
  public Caller showing(Thumbprint shown) {
    return new Caller(identity, ip, tls, assumedIp, at, shown);
  }

  private static Thumbprint standIn(String identity) {
    try {
      return Thumbprint.of(
          MessageDigest.getInstance("SHA-256").digest(identity.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** The caller in words: {@code frontend.shop… from 10.0.0.7 with mesh TLS}. */
  public String text() {
    String who = identity != null ? identity : tls ? "a client without identity" : "a client";
    return who + " from " + ip.getHostAddress() + (tls ? " with mesh TLS" : " without mesh TLS");
  }

  /** What was assumed about the caller, and what was not although it may hold; null for nothing. */
  public @Nullable String assumptions() {
    if (assumedIp != null) {
      return "address assumed: " + assumedIp;
    }
    if (at == null) {
      return null;
    }
    return at.identity() == null
        ? "no identity assumed: " + at.ref() + ", which has that address, has none"
        : "no identity assumed: that is the address of "
            + at.ref()
            + "; to call as it, add --client-identity "
            + at.identity();
  }
}
