package io.signetmesh.identity.pki;

import io.netty.handler.ssl.OpenSslCertificateException;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSession;
import javax.net.ssl.X509ExtendedTrustManager;

/** Lets TLS decide by a {@link ChainVerifier}. */
final class BundleTrustManager extends X509ExtendedTrustManager {
  /** {@code X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY}: sent to the peer as alert unknown_ca. */
  private static final int NO_ISSUER = 20;

  /** {@code X509_V_ERR_CERT_REVOKED}: sent to the peer as alert certificate_revoked. */
  private static final int REVOKED = 23;

  /** Where a session keeps the peer that was verified. */
  private static final String PEER = VerifiedPeer.class.getName();

  private static final X509Certificate[] NONE = {};

  private final ChainVerifier verifier;

  BundleTrustManager(ChainVerifier verifier) {
    this.verifier = verifier;
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    engine.getHandshakeSession().putValue(PEER, check(chain, Purpose.CLIENT));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    engine.getHandshakeSession().putValue(PEER, check(chain, Purpose.SERVER));
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    check(chain, Purpose.CLIENT);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    check(chain, Purpose.SERVER);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    check(chain, Purpose.CLIENT);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    check(chain, Purpose.SERVER);
  }

  /** None: a list of CA names would only tell strangers whom we trust. */
  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return NONE;
  }

  /** The peer that was verified for a session; empty when it showed no certificate. */
  static Optional<VerifiedPeer> verified(SSLSession session) {
    return session.getValue(PEER) instanceof VerifiedPeer peer
        ? Optional.of(peer)
        : Optional.empty();
  }

  private VerifiedPeer check(X509Certificate[] chain, Purpose purpose) throws CertificateException {
    try {
      return verifier.verifyPeer(List.of(chain), purpose);
    } catch (ChainVerifier.RevokedException e) {
      throw new OpenSslCertificateException(e.getMessage(), e, REVOKED);
    } catch (UntrustedChainException e) {
      throw new OpenSslCertificateException(e.getMessage(), e, NO_ISSUER);
    }
  }
}
