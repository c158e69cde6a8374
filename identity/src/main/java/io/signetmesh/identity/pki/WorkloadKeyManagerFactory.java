package io.signetmesh.identity.pki;

import io.netty.handler.ssl.util.SimpleKeyManagerFactory;
import java.net.Socket;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManager;
import javax.net.ssl.ManagerFactoryParameters;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/** Shows the one certificate of a workload, without the detour over an encrypted key store. */
final class WorkloadKeyManagerFactory extends SimpleKeyManagerFactory {
  private static final String ALIAS = "workload";

  private final WorkloadKeyManager manager;

  WorkloadKeyManagerFactory(WorkloadCertificate certificate) {
    this.manager = new WorkloadKeyManager(certificate);
  }

  @Override
  protected void engineInit(KeyStore keyStore, char[] password) {
    // The certificate was given when the factory was made.
  }

  @Override
  protected void engineInit(ManagerFactoryParameters parameters) {
    // The certificate was given when the factory was made.
  }

  @Override
  protected KeyManager[] engineGetKeyManagers() {
    return new KeyManager[] {manager};
  }

  private static final class WorkloadKeyManager extends X509ExtendedKeyManager {
    private final PrivateKey key;
    private final X509Certificate[] chain;

    WorkloadKeyManager(WorkloadCertificate certificate) {
      this.key = certificate.privateKey();
      this.chain = certificate.chain().toArray(X509Certificate[]::new);
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
    public String chooseEngineClientAlias(
        String[] keyTypes, Principal[] issuers, SSLEngine engine) {
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
    public X509Certificate @Nullable [] getCertificateChain(String alias) {
      return alias.equals(ALIAS) ? chain.clone() : null;
    }

    @Override
    public @Nullable PrivateKey getPrivateKey(String alias) {
      return alias.equals(ALIAS) ? key : null;
    }
  }
}
