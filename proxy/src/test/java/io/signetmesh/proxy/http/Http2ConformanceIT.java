package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.ProxyProtocol;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The conformance suite h2spec against an inbound proxy, without an exclusion. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
@Timeout(300)
class Http2ConformanceIT {
  private static final String ARCHIVE = "h2spec/2.2.0/h2spec_linux_amd64.tar.gz";

  @TempDir private Path folder;

  @ParameterizedTest(name = "tls: {0}, detection: {1}, strict: {2}")
  @CsvSource({
    "false, false, false",
    "false, false, true",
    "false, true, true",
    "true, false, true",
    "true, true, true"
  })
  void everyCaseOfTheSuitePasses(boolean tls, boolean detection, boolean strict) throws Exception {
    ProxyProtocol protocol = detection ? MeshPair.detect() : MeshPair.http2();
    try (Http2Peer app = Http2Peer.application(Http2ConformanceIT::answer);
        MeshPair pair =
            new MeshPair(
                IoTransport.select(null),
                new InetSocketAddress(InetAddress.getLoopbackAddress(), app.port()))) {
      pair.allowAll(protocol);
      try (TlsRelay relay = new TlsRelay(pair)) {
        String result = run(tls ? relay.port() : pair.declared().getPort(), strict);
        assertThat(result)
            .contains(
                strict
                    ? "146 tests, 146 passed, 0 skipped, 0 failed"
                    : "145 tests, 145 passed, 0 skipped, 0 failed");
      }
    }
  }

  private static void answer(Http2Peer.Stream stream, Http2Peer application)
      throws InterruptedException {
    if (!stream.headEnds()) {
      Http2Peer.Event event = stream.next();
      while (event instanceof Http2Peer.Event.Data data) {
        stream.consumed(data);
        if (data.end()) {
          break;
        }
        event = stream.next();
      }
      if (event instanceof Http2Peer.Event.Reset || event instanceof Http2Peer.Event.Closed) {
        return;
      }
    }
    stream.respond("200", "content-type", "text/plain").send("Hello, h2spec!", true);
  }

  private String run(int port, boolean strict) throws Exception {
    Path program = folder.resolve("h2spec");
    unpack(program);
    Path output = folder.resolve("output");
    ProcessBuilder command =
        new ProcessBuilder(
            program.toString(), "-h", "127.0.0.1", "-p", Integer.toString(port), "-o", "5");
    if (strict) {
      command.command().add("-S");
    }
    Process process = command.redirectErrorStream(true).redirectOutput(output.toFile()).start();
    try {
      assertThat(process.waitFor(240, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    return Files.readString(output);
  }

  /** Takes the program out of its archive (POSIX ustar). */
  private static void unpack(Path program) throws IOException {
    InputStream archive = Http2ConformanceIT.class.getClassLoader().getResourceAsStream(ARCHIVE);
    if (archive == null) {
      throw new IOException(ARCHIVE + " is not on the class path");
    }
    try (DataInputStream tar = new DataInputStream(new GZIPInputStream(archive))) {
      byte[] header = new byte[512];
      while (true) {
        tar.readFully(header);
        String name = new String(header, 0, 100, StandardCharsets.US_ASCII).replace("\0", "");
        long size =
            Long.parseLong(
                new String(header, 124, 11, StandardCharsets.US_ASCII).replace("\0", "").strip(),
                8);
        if (name.endsWith("h2spec") && size > 0) {
          Files.write(program, tar.readNBytes((int) size));
          assertThat(program.toFile().setExecutable(true)).isTrue();
          return;
        }
        tar.skipNBytes((size + 511) / 512 * 512);
      }
    }
  }

  /** Puts what comes in clear into mesh TLS: the suite sends no server name for an address. */
  private static final class TlsRelay implements AutoCloseable {
    private final ServerSocket listener = new ServerSocket(0, 64, InetAddress.getLoopbackAddress());
    private final SSLContext tls = SSLContext.getInstance("TLSv1.3");
    private final InetSocketAddress proxy;

    TlsRelay(MeshPair pair) throws Exception {
      WorkloadCertificate certificate = pair.credentials(MeshPair.CLIENT).certificate();
      KeyStore keys = KeyStore.getInstance("PKCS12");
      keys.load(null, null);
      keys.setKeyEntry(
          "leaf",
          certificate.privateKey(),
          new char[0],
          certificate.chain().toArray(X509Certificate[]::new));
      KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
      managers.init(keys, new char[0]);
      tls.init(
          managers.getKeyManagers(), InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
      proxy = pair.declared();
      Thread.ofVirtual().start(this::accept);
    }

    int port() {
      return listener.getLocalPort();
    }

    private void accept() {
      while (!listener.isClosed()) {
        try {
          Socket client = listener.accept();
          Thread.ofVirtual().start(() -> relay(client));
        } catch (IOException closed) {
          return;
        }
      }
    }

    private void relay(Socket client) {
      try (client;
          Socket plain = new Socket(proxy.getAddress(), proxy.getPort());
          SSLSocket secure =
              (SSLSocket) tls.getSocketFactory().createSocket(plain, MeshPair.SERVER, 443, true)) {
        secure.startHandshake();
        Thread up = Thread.ofVirtual().start(() -> copy(client, secure));
        copy(secure, client);
        up.join();
      } catch (IOException | InterruptedException e) {
        // The connection ends on both sides.
      }
    }

    /** Copies until one side ends, and ends both. */
    private static void copy(Socket from, Socket to) {
      try {
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream();
        in.transferTo(out);
      } catch (IOException e) {
        // As an end.
      } finally {
        try {
          from.close();
          to.close();
        } catch (IOException e) {
          // Closed already.
        }
      }
    }

    @Override
    public void close() throws IOException {
      listener.close();
    }
  }
}
