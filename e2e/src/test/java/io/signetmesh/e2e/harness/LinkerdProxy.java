package io.signetmesh.e2e.harness;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CertificateException;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509TrustManager;

/**
 * Stands for Linkerd's own proxy in all that matters to trust anchors, beside proxies of Signet:
 *
 * <ul>
 *   <li>It trusts the anchors of {@code LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS} that it was started
 *       with, and never learns of others: it opens no stream of trust bundles.
 *   <li>It makes one key and one signing request, and sends them with the token of its file to
 *       {@code io.linkerd.proxy.identity.Identity/Certify}, over HTTP/2 in TLS without ALPN. A
 *       certificate that does not verify under its anchors is as good as none.
 *   <li>It renews when 70 % of what is left of its certificate has passed.
 *   <li>Peers dial its inbound port 4143 with ALPN {@code transport.l5d.io/v1} and say in a header
 *       which port they want. It dials others in the same way, with SNI. Both sides verify chains
 *       without an order, then the name. New handshakes use the newest certificate.
 * </ul>
 *
 * <p>Left out is what does not depend on trust: discovery, policy, detection of protocols. Its
 * application is a ledger as the demo has it.
 */
public final class LinkerdProxy implements AutoCloseable {
  private static final String ALPN = "transport.l5d.io/v1";
  private static final byte[] MAGIC = (ALPN + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
  private static final int INBOUND = 4143;
  private static final int LONGEST_HEADER = 64 * 1024;
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  /** Between two attempts, at least. */
  private static final Duration LEAST_REFRESH = Duration.ofSeconds(1);

  private final WorkloadIdentity identity;
  private final List<X509Certificate> anchors;
  private final Path token;
  private final InetSocketAddress identityServer;
  private final String identityServerName;
  private final KeyPair keys = PrivateKeys.generate();
  private final byte[] signingRequest;
  private final ControlLoops loops = ControlLoops.start(1);
  private final Trust trust = new Trust();
  private final SSLContext tls;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger certified = new AtomicInteger();
  private final Thread renewal;
  private final SSLServerSocket listener;
  private volatile WorkloadCertificate certificate;
  private volatile String lastFailure = "";
  private volatile boolean closed;

  private LinkerdProxy(Mesh mesh, MeshWorkload workload, String trustAnchors) throws Exception {
    this.identity = mesh.identity(workload);
    this.anchors = Certificates.parsePem("LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS", trustAnchors);
    this.token = mesh.processes().issueToken(identity);
    this.identityServer = mesh.addresses().identity();
    this.identityServerName = mesh.processes().names().identityServer().dnsName();
    this.signingRequest = SigningRequest.create(identity.dnsName(), keys);
    this.certificate = certify();
    this.tls = ShownChain.context(() -> certificate, trust);
    this.listener = (SSLServerSocket) tls.getServerSocketFactory().createServerSocket();
    SSLParameters parameters = listener.getSSLParameters();
    parameters.setApplicationProtocols(new String[] {ALPN});
    parameters.setWantClientAuth(true);
    listener.setSSLParameters(parameters);
    listener.setReuseAddress(true);
    listener.bind(workload.at(INBOUND));
    Thread.ofVirtual().start(this::accept);
    this.renewal = Thread.ofVirtual().start(this::renew);
  }

  /**
   * Starts the proxy of a workload that is described and has no other one. It has its certificate
   * when this returns.
   *
   * @param trustAnchors the value of {@code LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS}, PEM
   */
  public static LinkerdProxy start(Mesh mesh, MeshWorkload workload, String trustAnchors)
      throws Exception {
    mesh.manifest("workload-" + workload.name(), workload.manifest());
    return new LinkerdProxy(mesh, workload, trustAnchors);
  }

  /** Certificates that it was given and took. */
  public int certified() {
    return certified.get();
  }

  /** The certificate that new handshakes use. */
  public WorkloadCertificate certificate() {
    return certificate;
  }

  /** Why the last renewal failed; empty when none did. */
  public String lastFailure() {
    return lastFailure;
  }

  // ---- its certificate

  private WorkloadCertificate certify() throws IOException, GeneralSecurityException {
    ManagedChannel channel =
        ControlChannel.openAnonymous(
            new ControlChannel.Address(
                identityServer.getAddress().getHostAddress(), identityServer.getPort()),
            identityServerName,
            () -> new TrustBundle(0, identity.trustDomain(), anchors),
            Clock.systemUTC(),
            loops);
    try {
      CertifyResponse answer =
          IdentityGrpc.newBlockingStub(channel)
              .withDeadlineAfter(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
              .certify(
                  CertifyRequest.newBuilder()
                      .setIdentity(identity.dnsName())
                      .setToken(ByteString.copyFrom(Files.readAllBytes(token)))
                      .setCertificateSigningRequest(ByteString.copyFrom(signingRequest))
                      .build());
      List<X509Certificate> chain = new ArrayList<>();
      chain.add(Certificates.parseDer("leaf", answer.getLeafCertificate().toByteArray()));
      for (ByteString der : answer.getIntermediateCertificatesList()) {
        chain.add(Certificates.parseDer("intermediate", der.toByteArray()));
      }
      trust.verify(chain);
      requireName(chain.getFirst(), identity.dnsName());
      certified.incrementAndGet();
      return new WorkloadCertificate(keys.getPrivate(), chain);
    } finally {
      channel.shutdownNow();
    }
  }

  private void renew() {
    while (!closed) {
      Duration left = Duration.between(Instant.now(), certificate.notAfter());
      Duration wait = left.multipliedBy(7).dividedBy(10);
      try {
        Thread.sleep(wait.compareTo(LEAST_REFRESH) < 0 ? LEAST_REFRESH : wait);
        certificate = certify();
      } catch (InterruptedException e) {
        return;
      } catch (IOException | GeneralSecurityException | RuntimeException e) {
        lastFailure = e.toString();
      }
    }
  }

  private static void requireName(X509Certificate leaf, String name) throws CertificateException {
    var names = leaf.getSubjectAlternativeNames();
    if (names == null || names.stream().noneMatch(one -> name.equals(one.get(1)))) {
      throw new CertificateException("names " + names + ": expected " + name);
    }
  }

  /** Chains in any order, as webpki takes them. */
  private final class Trust implements X509TrustManager {
    void verify(List<X509Certificate> chain) throws CertificateException {
      Set<TrustAnchor> trusted = new HashSet<>();
      anchors.forEach(anchor -> trusted.add(new TrustAnchor(anchor, null)));
      X509CertSelector leaf = new X509CertSelector();
      leaf.setCertificate(chain.getFirst());
      try {
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(trusted, leaf);
        parameters.addCertStore(
            CertStore.getInstance("Collection", new CollectionCertStoreParameters(chain)));
        parameters.setRevocationEnabled(false);
        CertPathBuilder.getInstance("PKIX").build(parameters);
      } catch (GeneralSecurityException e) {
        throw new CertificateException("no path to an anchor", e);
      }
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType)
        throws CertificateException {
      verify(List.of(chain));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType)
        throws CertificateException {
      verify(List.of(chain));
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }

  // ---- inbound

  private void accept() {
    while (!closed) {
      try {
        SSLSocket socket = (SSLSocket) listener.accept();
        Thread.ofVirtual().start(() -> serve(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(SSLSocket socket) {
    open.add(socket);
    try (socket) {
      socket.setTcpNoDelay(true);
      socket.startHandshake();
      // Without a client's certificate this throws.
      socket.getSession().getPeerCertificates();
      if (!ALPN.equals(socket.getApplicationProtocol())) {
        throw new IOException("transport header required");
      }
      DataInputStream in = new DataInputStream(socket.getInputStream());
      byte[] magic = in.readNBytes(MAGIC.length);
      int length = in.readInt();
      if (!Arrays.equals(magic, MAGIC) || length < 0 || length > LONGEST_HEADER) {
        throw new IOException("no transport header");
      }
      in.skipNBytes(length);
      for (int b = in.read(); b >= 0; b = in.read()) {
        if (b == '\n') {
          socket.getOutputStream().write("OK alice 0\n".getBytes(StandardCharsets.US_ASCII));
        }
      }
    } catch (IOException e) {
      // Refused, or the client is gone.
    } finally {
      open.remove(socket);
    }
  }

  // ---- outbound

  /**
   * Asks the ledger of another workload a question, on a connection of its own.
   *
   * @param port port of the workload's application
   * @throws IOException when it is not answered
   */
  public void ask(Mesh mesh, MeshWorkload server, int port)
      throws IOException, CertificateException {
    String name = mesh.identity(server).dnsName();
    try (Socket plain = new Socket()) {
      plain.setTcpNoDelay(true);
      plain.setSoTimeout((int) TIMEOUT.toMillis());
      plain.connect(server.at(INBOUND), (int) TIMEOUT.toMillis());
      try (SSLSocket socket =
          (SSLSocket) tls.getSocketFactory().createSocket(plain, name, INBOUND, true)) {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setApplicationProtocols(new String[] {ALPN});
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        requireName((X509Certificate) socket.getSession().getPeerCertificates()[0], name);
        if (!ALPN.equals(socket.getApplicationProtocol())) {
          throw new IOException("protocol '" + socket.getApplicationProtocol() + "'");
        }
        socket.getOutputStream().write(question(port));
        byte[] answer = socket.getInputStream().readNBytes("OK alice".length());
        if (!new String(answer, StandardCharsets.US_ASCII).equals("OK alice")) {
          throw new IOException("no answer of the ledger");
        }
      }
    }
  }

  /** The transport header, a message with the port as field 1, and a question. */
  private static byte[] question(int port) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.write(MAGIC);
    out.writeInt(3);
    out.write(new byte[] {8, (byte) (port & 0x7f | 0x80), (byte) (port >> 7)});
    out.write("BALANCE alice\n".getBytes(StandardCharsets.US_ASCII));
    return bytes.toByteArray();
  }

  /** Ends like a process that is killed: nobody is told. */
  @Override
  public void close() throws IOException {
    closed = true;
    renewal.interrupt();
    listener.close();
    for (Socket socket : open) {
      socket.close();
    }
    loops.close();
  }
}
