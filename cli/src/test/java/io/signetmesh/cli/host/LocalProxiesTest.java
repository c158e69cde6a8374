package io.signetmesh.cli.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.netty.pkitesting.CertificateBuilder;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cluster.ClusterChange;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.Workload;
import io.signetmesh.proxy.DataPlane;
import io.signetmesh.proxy.EndedLoop;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Proxies of one process without a control plane: none obtains a certificate. */
@Timeout(90)
final class LocalProxiesTest {
  private static final String ANCHOR = anchor();

  private final BlockingQueue<DataPlane> planes = new LinkedBlockingQueue<>();
  private LoopbackNet net;
  private LocalProxies proxies;

  @TempDir private Path directory;

  @BeforeEach
  void start() throws IOException {
    net = LoopbackNet.reserve();
    proxies =
        new LocalProxies(
            "linkerd",
            workload ->
                ProxyEnvironment.of(
                    workload,
                    MeshNames.DEFAULT,
                    ControlPlane.at(net.address(2)),
                    ANCHOR,
                    directory.resolve("token"),
                    directory.resolve(workload.name() + ".jsonl")),
            InstantSource.system(),
            () -> {
              DataPlane plane = DataPlane.start(null, 2);
              planes.add(plane);
              return plane;
            });
  }

  private static String anchor() {
    try {
      return new CertificateBuilder()
          .ecp256()
          .subject("CN=anchor")
          .setIsCertificateAuthority(true)
          .buildSelfSigned()
          .getCertificatePathPEM();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @AfterEach
  void close() throws IOException {
    proxies.close();
    net.close();
  }

  private Pod pod(String name, int host) {
    return new PodBuilder()
        .withNewMetadata()
        .withNamespace("shop")
        .withName(name)
        .addToLabels(Workload.CONTROL_PLANE_NAMESPACE_LABEL, "linkerd")
        .endMetadata()
        .withNewSpec()
        .withServiceAccountName(name)
        .endSpec()
        .withNewStatus()
        .withPodIP(net.address(host).getHostAddress())
        .endStatus()
        .build();
  }

  private void run(Pod... pods) {
    ClusterView view = ClusterView.of(List.of(pods));
    proxies.changed(view, ClusterChange.between(ClusterView.EMPTY, view));
  }

  /** The status line of an admin server's answer; empty where nobody listens. */
  private String live(int host) {
    InetAddress address = net.address(host);
    try (Socket socket = new Socket(address, HostWorkload.ADMIN_PORT)) {
      socket.setSoTimeout(20_000);
      socket
          .getOutputStream()
          .write(
              ("GET /live HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      return answer.lines().findFirst().orElse("");
    } catch (IOException e) {
      return "";
    }
  }

  @Test
  void allProxiesAreOnOneDataPlaneAndStartAgainOnAnotherOneWhenItFails() throws Exception {
    run(pod("web", 10), pod("cart", 11), pod("front", 12));
    assertThat(proxies.faults()).isEmpty();
    DataPlane first = planes.take();
    assertThat(planes).as("one for all").isEmpty();
    for (int host = 10; host <= 12; host++) {
      assertThat(live(host)).contains("200");
    }

    EndedLoop.first(first);
    DataPlane second = planes.poll(30, TimeUnit.SECONDS);
    assertThat(second).as("started after the first has failed").isNotNull();
    for (int host = 10; host <= 12; host++) {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (!live(host).contains("200") && System.nanoTime() - end < 0) {
        Thread.onSpinWait();
      }
      assertThat(live(host)).contains("200");
    }
    assertThat(planes).as("one for all, again").isEmpty();
    assertThat(proxies.workloads()).hasSize(3);
  }

  @Test
  void aPodWhoseProxyCannotStartIsReportedAndTheOthersRun() throws Exception {
    try (ServerSocket taken = new ServerSocket()) {
      taken.bind(new InetSocketAddress(net.address(11), HostWorkload.ADMIN_PORT));
      run(pod("web", 10), pod("cart", 11), pod("front", 12));
      assertThat(proxies.faults())
          .singleElement()
          .asString()
          .startsWith("proxy of shop/cart cannot start");
      assertThat(live(10)).contains("200");
      assertThat(live(12)).contains("200");
      // Nothing of it is left.
      try (ServerSocket inbound = new ServerSocket()) {
        inbound.bind(new InetSocketAddress(net.address(11), HostWorkload.INBOUND_PORT));
      }
    }
    run(pod("web", 10), pod("cart", 11), pod("front", 12));
    assertThat(proxies.faults()).isEmpty();
    assertThat(live(11)).contains("200");
    assertThat(planes).hasSize(1);
  }

  @Test
  void aPodThatIsGoneTakesItsProxyOnly() {
    run(pod("web", 10), pod("cart", 11));
    run(pod("cart", 11));
    assertThat(live(10)).isEmpty();
    assertThat(live(11)).contains("200");
    assertThat(planes).hasSize(1);
  }
}
