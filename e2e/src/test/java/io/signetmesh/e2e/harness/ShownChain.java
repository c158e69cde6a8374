package io.signetmesh.e2e.harness;

import io.signetmesh.identity.pki.WorkloadCertificate;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509TrustManager;

/**
 * Shows a chain as it is, also with cross-certificates or in no order: key stores take only what
 * they can verify.
 */
final class ShownChain extends X509ExtendedKeyManager {
  private static final String ALIAS = "leaf";

  private final Supplier<WorkloadCertificate> newest;

  private ShownChain(Supplier<WorkloadCertificate> newest) {
    this.newest = newest;
  }

  /**
   * TLS 1.3 with that certificate.
   *
   * @param newest asked for each handshake
   */
  static SSLContext context(Supplier<WorkloadCertificate> newest, X509TrustManager trust)
      throws GeneralSecurityException {
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(new KeyManager[] {new ShownChain(newest)}, new TrustManager[] {trust}, null);
    return context;
  }

  @Override
  public String[] getClientAliases(String keyType, Principal[] issuers) {
    return new String[] {ALIAS};
  }

  @Override
  public String chooseClientAlias(String[] keyTypes, Principal[] issuers, Socket socket) {
    return ALIAS;
  }

  @Override
  public String chooseEngineClientAlias(String[] keyTypes, Principal[] issuers, SSLEngine engine) {
    return ALIAS;
  }

  @Override
  public String[] getServerAliases(String keyType, Principal[] issuers) {
    return new String[] {ALIAS};
  }

  @Override
  public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
    return ALIAS;
  }

  @Override
  public String chooseEngineServerAlias(String keyType, Principal[] issuers, SSLEngine engine) {
    return ALIAS;
  }

  @Override
  public X509Certificate[] getCertificateChain(String alias) {
    return newest.get().chain().toArray(X509Certificate[]::new);
  }

  @Override
  public PrivateKey getPrivateKey(String alias) {
    return newest.get().privateKey();
  }
}
