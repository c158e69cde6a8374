package io.signetmesh.bench.fleet;

import io.signetmesh.bench.Child;
import io.signetmesh.bench.Ports;
import io.signetmesh.bench.ProcessUsage;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A CA that answers {@code Identity/Certify}, as a process on a core of its own. */
public final class CaProcess implements AutoCloseable {
  private static final Duration START = Duration.ofMinutes(2);

  private final String name;
  private final CaFiles files;
  private final InetSocketAddress address;
  private final List<String> command;
  private final Map<String, String> environment;
  private final ProcessUsage usage = new ProcessUsage(Path.of("/proc"));
  private Child child;

  private CaProcess(
      String name,
      CaFiles files,
      InetSocketAddress address,
      List<String> command,
      Map<String, String> environment)
      throws IOException, InterruptedException {
    this.name = name;
    this.files = files;
    this.address = address;
    this.command = command;
    this.environment = environment;
    this.child = launch();
  }

  /**
   * Starts {@code signet identity} with an issuer from files, and waits until it listens.
   *
   * @param directory for state and logs
   * @param options further options of {@code signet identity}
   */
  public static CaProcess signet(Path directory, List<String> options)
      throws IOException, PkiException, InterruptedException {
    CaFiles files = CaFiles.create(directory);
    List<String> all =
        new ArrayList<>(
            List.of(
                "--issuer-certificates",
                files.certificates().toString(),
                "--issuer-key",
                files.key().toString(),
                "--trust-anchors",
                files.anchors().toString()));
    all.addAll(options);
    return start(files, all);
  }

  /**
   * Starts {@code signet identity} with the CA in its state directory, and waits until it listens.
   * Its trust anchors can be rotated.
   *
   * @param directory for state and logs
   * @param options further options of {@code signet identity}
   */
  public static CaProcess signetEmbedded(Path directory, List<String> options)
      throws IOException, PkiException, InterruptedException {
    return start(CaFiles.createEmbedded(directory), options);
  }

  private static CaProcess start(CaFiles files, List<String> options)
      throws IOException, InterruptedException {
    int[] ports = Ports.free(2);
    List<String> command =
        new ArrayList<>(
            List.of(
                SignetProcess.launcher().toString(),
                "identity",
                "--state",
                files.state().toString(),
                "--listen",
                "127.0.0.1:" + ports[0],
                "--admin-addr",
                "127.0.0.1:" + ports[1]));
    command.addAll(options);
    return new CaProcess(
        "Signet",
        files,
        loopback(ports[0]),
        Cores.measured(command),
        Map.of("SIGNET_NO_BUILD", "1"));
  }

  /**
   * Starts the CA in Go ({@code bench/peer}) and waits until it listens.
   *
   * @param program as it was built
   */
  public static CaProcess peer(Path program, Path directory)
      throws IOException, PkiException, InterruptedException {
    CaFiles files = CaFiles.create(directory);
    Path chain = directory.resolve("server.crt");
    Path key = directory.resolve("server.key");
    files.issueServerCertificate(chain, key);
    int port = Ports.free(1)[0];
    return new CaProcess(
        "grpc-go",
        files,
        loopback(port),
        Cores.measured(
            List.of(
                program.toString(),
                "-listen",
                "127.0.0.1:" + port,
                "-issuer",
                files.certificates().toString(),
                "-issuer-key",
                files.key().toString(),
                "-anchors",
                files.anchors().toString(),
                "-server",
                chain.toString(),
                "-server-key",
                key.toString(),
                "-token-key",
                files.tokenKey().toString())),
        // Proxies speak HTTP/2 without ALPN.
        Map.of("GRPC_ENFORCE_ALPN_ENABLED", "false", "GOMAXPROCS", "1"));
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
  }

  private Child launch() throws IOException, InterruptedException {
    Child started =
        Child.start(name, command, environment, files.directory().resolve("server.log"));
    long end = System.nanoTime() + START.toNanos();
    while (true) {
      started.expectAlive();
      try (Socket socket = new Socket()) {
        socket.connect(address, 1_000);
        return started;
      } catch (IOException e) {
        if (System.nanoTime() - end > 0) {
          started.close();
          throw new IOException(name + " does not listen at " + address, e);
        }
      }
      Thread.sleep(20);
    }
  }

  /** Ends the process as a crash does, and starts it again. */
  public void restart() throws IOException, InterruptedException {
    child.kill();
    child = launch();
  }

  /** Name of the implementation. */
  public String name() {
    return name;
  }

  /** What the CA reads. */
  public CaFiles files() {
    return files;
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return address;
  }

  /** The identity that it has as a server. */
  public String serverName() {
    return CaFiles.NAMES.identityServer().dnsName();
  }

  /** Process ID of the JVM: the launcher replaces itself by it. */
  public long pid() {
    return child.pid();
  }

  /** Throws when the process has ended, with the end of its log. */
  public void expectAlive() throws IOException {
    child.expectAlive();
  }

  /** CPU time, user and system, in microseconds. */
  public long cpuMicros() throws IOException {
    return usage.cpuMicros(List.of(child.pid()));
  }

  /** CPU time, user and system, in seconds. */
  public double cpuSeconds() throws IOException {
    return cpuMicros() / 1e6;
  }

  /** Resident memory in MB (2^20 bytes). */
  public double rssMegabytes() throws IOException {
    return usage.rssMegabytes(List.of(child.pid()));
  }

  /** The most resident memory so far, in MB (2^20 bytes). */
  public double peakRssMegabytes() throws IOException {
    return usage.peakRssMegabytes(child.pid());
  }

  @Override
  public void close() {
    child.close();
  }
}
