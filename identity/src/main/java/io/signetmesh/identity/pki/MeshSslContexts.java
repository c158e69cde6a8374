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
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;

/**
 * TLS between members of the mesh, by BoringSSL: TLS 1.3 only, groups X25519MLKEM768, X25519, P-256
 * and P-384 in that order, the three AEAD suites of TLS 1.3, no tickets, no resumption and no
 * session cache, so that each connection is verified afresh against the bundle and the clock of
 * that moment.
 *
 * <p>The contexts are reference-counted: who builds one owns one reference and releases it ({@link
 * io.netty.util.ReferenceCountUtil#release(Object)}) when no new connection shall use it; each
 * connection holds a reference of its own for as long as it lives. {@link LiveSslContext} does that
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

  /** What a server asks of its clients. */
  public enum ClientCertificate {
    /** Asked for; a client without one is let in, one that does not verify fails the handshake. */
    OPTIONAL,
    /** A client without a certificate that verifies fails the handshake. */
    REQUIRED
  }

  /**
   * The server's side.
   *
   * @param alpn protocols selected when a client offers one of them, best first; a client that
   *     offers none of them, or no ALPN at all, is served without
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
                  case OPTIONAL -> ClientAuth.OPTIONAL;
                  case REQUIRED -> ClientAuth.REQUIRE;
                });
    return build(builder, credentials.trust(), alpn, clock);
  }

  /**
   * The client's side, showing the workload's certificate. Only the chain of the server is
   * verified: before the first byte is written, the caller must compare {@link #peer} with the
   * identity that it means to reach.
   *
   * @param alpn protocols to offer; empty for no ALPN extension
   */
  public static SslContext client(Credentials credentials, List<String> alpn, InstantSource clock)
      throws SSLException {
    SslContextBuilder builder =
        SslContextBuilder.forClient().keyManager(keyManagers(credentials.certificate()));
    return build(builder, credentials.trust(), alpn, clock);
  }

  /** The client's side of a workload that has no certificate yet: otherwise as {@link #client}. */
  public static SslContext anonymousClient(
      TrustBundle trust, List<String> alpn, InstantSource clock) throws SSLException {
    return build(SslContextBuilder.forClient(), trust, alpn, clock);
  }

  /**
   * Whom the other side of an established session speaks for; empty when it showed no certificate.
   * The chain has been verified in the handshake.
   */
  public static Optional<PeerIdentity> peer(SslHandler handler) {
    try {
      return handler.engine().getSession().getPeerCertificates()[0] instanceof X509Certificate leaf
          ? PeerIdentity.of(leaf)
          : Optional.empty();
    } catch (SSLPeerUnverifiedException e) {
      return Optional.empty();
    }
  }

  private static SslContext build(
      SslContextBuilder builder, TrustBundle trust, List<String> alpn, InstantSource clock)
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
