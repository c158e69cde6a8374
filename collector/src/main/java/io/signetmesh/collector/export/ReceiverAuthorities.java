package io.signetmesh.collector.export;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Who signs the certificates of receivers, instead of those that the JDK knows. */
public final class ReceiverAuthorities {
  private static final int MAX_BYTES = 1 << 20;

  private final List<X509Certificate> certificates;
  private final SSLContext context;

  private ReceiverAuthorities(List<X509Certificate> certificates, SSLContext context) {
    this.certificates = certificates;
    this.context = context;
  }

  /**
   * Reads certificates in PEM.
   *
   * @throws IOException when the file cannot be read or has none
   */
  public static ReceiverAuthorities read(Path file) throws IOException {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    }
    if (bytes.length > MAX_BYTES) {
      throw new IOException(file + " has more than " + MAX_BYTES + " bytes");
    }
    List<X509Certificate> certificates = new ArrayList<>();
    try {
      for (Certificate one :
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(bytes))) {
        certificates.add((X509Certificate) one);
      }
    } catch (CertificateException e) {
      throw new IOException(file + " has no certificates in PEM: " + e.getMessage(), e);
    }
    if (certificates.isEmpty()) {
      throw new IOException(file + " has no certificates in PEM");
    }
    try {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      for (int i = 0; i < certificates.size(); i++) {
        store.setCertificateEntry("authority-" + i, certificates.get(i));
      }
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return new ReceiverAuthorities(List.copyOf(certificates), context);
    } catch (GeneralSecurityException e) {
      throw new IOException(file + " cannot be used: " + e, e);
    }
  }

  List<X509Certificate> certificates() {
    return certificates;
  }

  SSLContext context() {
    return context;
  }
}
