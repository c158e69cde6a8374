package io.signetmesh.identity.pki;

import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.OpenSslCachingX509KeyManagerFactory;
import io.netty.handler.ssl.OpenSslContextOption;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLException;

/**
 * TLS between members of the mesh, by BoringSSL: TLS 1.3 only (RFC 8446), groups X25519MLKEM768,
 * X25519, P-256 and P-384 in that order, the three AEAD suites of TLS 1.3. There are no tickets, no
 * resumption and no session cache, so that each connection is verified against the current bundle
 * and the current time.
 *
 * <p>The contexts are reference-counted. The caller that builds one owns a reference, and releases
 * it ({@link io.netty.util.ReferenceCountUtil#release(Object)}) when no new connection needs it.
 * Each connection holds a reference of its own until it closes. {@link LiveSslContext} does that
 * for credentials that change.
 */
public final class MeshSslContexts {
  /** Key exchange groups offered and taken, best first. */
  static final String[] GROUPS = {"X25519MLKEM768", "X25519", "P-256", "P-384"};

  private static final List<String> SUITES =
      List.of("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256");

  /** Largest chain taken from a peer, bytes. */
  private static final int MAX_PEER_CHAIN = 32 * 1024;

  private MeshSslContexts() {}

  /** Whether a server asks clients for a certificate. */
  public enum ClientCertificate {
    /** Not asked for. */
    NONE,
    /** Asked for; a client without one is let in, one that does not verify fails the handshake. */
    OPTIONAL,
    /** A client without a certificate that verifies fails the handshake. */
    REQUIRED
  }

  /**
   * A context for servers.
   *
   * @param alpn protocols that the server selects from, best first (RFC 7301); a client that offers
   *     none of them, or no ALPN at all, is served without ALPN
   * @param clock the time at which peers' certificates must be valid
   */
  public static SslContext server(
      Credentials credentials,
      ClientCertificate clientCertificate,
      List<String> alpn,
      InstantSource clock)
      throws SSLException {
    SslContextBuilder builder =
        SslContextBuilder.forServer(keyManagers(credentials.certificate()))
            .clientAuth(
                switch (clientCertificate) {
                  case NONE -> ClientAuth.NONE;
                  case OPTIONAL -> ClientAuth.OPTIONAL;
                  case REQUIRED -> ClientAuth.REQUIRE;
                });
    return build(builder, credentials.peers(), alpn, clock);
  }

  /**
   * A context for clients that show the workload's certificate. It verifies only the server's
   * chain: the caller must compare {@link #peer} with the expected identity before it writes the
   * first byte.
   *
   * @param alpn protocols to offer (RFC 7301); empty for no ALPN extension
   * @param clock the time at which the server's certificates must be valid
   */
  public static SslContext client(Credentials credentials, List<String> alpn, InstantSource clock)
      throws SSLException {
    SslContextBuilder builder =
        SslContextBuilder.forClient().keyManager(keyManagers(credentials.certificate()));
    return build(builder, credentials.peers(), alpn, clock);
  }

  /** As {@link #anonymousClient(PeerTrust, List, InstantSource)}, with anchors only. */
  public static SslContext anonymousClient(
      TrustBundle trust, List<String> alpn, InstantSource clock) throws SSLException {
    return anonymousClient(PeerTrust.of(trust), alpn, clock);
  }

  /** A context for clients that have no certificate yet; otherwise as {@link #client}. */
  public static SslContext anonymousClient(PeerTrust trust, List<String> alpn, InstantSource clock)
      throws SSLException {
    return build(SslContextBuilder.forClient(), trust, alpn, clock);
  }

  /**
   * The peer's identity in an established session, verified in the handshake; empty when the peer
   * showed no certificate.
   */
  public static Optional<PeerIdentity> peer(SslHandler handler) {
    return verifiedPeer(handler).map(VerifiedPeer::identity);
  }

  /**
   * The peer of an established session, verified in the handshake, with its path; empty when the
   * peer showed no certificate.
   */
  public static Optional<VerifiedPeer> verifiedPeer(SslHandler handler) {
    return BundleTrustManager.verified(handler.engine().getSession());
  }

  /**
   * The leaf that this side showed in an established session; empty when it showed none. It may be
   * older than the leaf of the newest credentials.
   */
  public static Optional<X509Certificate> ownLeaf(SslHandler handler) {
    Certificate[] own = handler.engine().getSession().getLocalCertificates();
    return own != null && own.length > 0 && own[0] instanceof X509Certificate leaf
        ? Optional.of(leaf)
        : Optional.empty();
  }

  private static SslContext build(
      SslContextBuilder builder, PeerTrust trust, List<String> alpn, InstantSource clock)
      throws SSLException {
    OpenSsl.ensureAvailability();
    builder
        .sslProvider(SslProvider.OPENSSL_REFCNT)
        .protocols("TLSv1.3")
        .ciphers(SUITES)
        .trustManager(new BundleTrustManager(ChainVerifier.of(trust, clock)))
        .endpointIdentificationAlgorithm(null)
        .option(OpenSslContextOption.GROUPS, GROUPS.clone())
        .option(OpenSslContextOption.MAX_CERTIFICATE_LIST_BYTES, MAX_PEER_CHAIN)
        // Verification and signing take well under a millisecond: no detour over tasks.
        .option(OpenSslContextOption.USE_TASKS, false);
    if (!alpn.isEmpty()) {
      builder.applicationProtocolConfig(
          new ApplicationProtocolConfig(
              ApplicationProtocolConfig.Protocol.ALPN,
              ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
              ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
              alpn));
    }
    return MeshSslContext.of(builder.build());
  }

  private static OpenSslCachingX509KeyManagerFactory keyManagers(WorkloadCertificate certificate) {
    return new OpenSslCachingX509KeyManagerFactory(new WorkloadKeyManagerFactory(certificate), 1);
  }
}
