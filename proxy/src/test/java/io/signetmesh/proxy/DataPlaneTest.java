package io.signetmesh.proxy;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.pkitesting.CertificateBuilder;
import io.signetmesh.proxy.admin.AdminServer;
import io.signetmesh.proxy.admin.AdminSurface;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.memory.Pace;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Proxies that share a data plane. Their control plane is away: none has a certificate. */
@Timeout(60)
final class DataPlaneTest {
  private static final InetAddress LOCAL = InetAddress.getLoopbackAddress();
  private static String anchors = "";

  private final DataPlane plane = DataPlane.start("nio", 2);
  private final List<AutoCloseable> parts = new ArrayList<>();

  @TempDir private Path directory;

  @BeforeAll
  static void anchors() throws Exception {
    byte[] anchor =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=anchor")
            .setIsCertificateAuthority(true)
            .buildSelfSigned()
            .getCertificate()
            .getEncoded();
    anchors =
        "-----BEGIN CERTIFICATE-----\n"
            + Base64.getMimeEncoder().encodeToString(anchor)
            + "\n-----END CERTIFICATE-----\n";
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable part : parts.reversed()) {
      part.close();
    }
    plane.close();
  }

  /** A proxy with these settings beside what every one needs. */
  private ProxyConfig config(String name, Map<String, String> settings) throws Exception {
    Map<String, String> environment = new HashMap<>();
    String account = ".linkerd.serviceaccount.identity.linkerd.cluster.local";
    environment.put("LINKERD2_PROXY_POLICY_WORKLOAD", "shop:" + name);
    environment.put(
        "LINKERD2_PROXY_IDENTITY_LOCAL_NAME",
        name + ".shop.serviceaccount.identity.linkerd.cluster.local");
    environment.put("LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS", anchors);
    environment.put("LINKERD2_PROXY_IDENTITY_TOKEN_FILE", directory.resolve("token").toString());
    for (String service : List.of("IDENTITY", "DESTINATION", "POLICY")) {
      environment.put("LINKERD2_PROXY_" + service + "_SVC_ADDR", "127.0.0.1:1");
      environment.put(
          "LINKERD2_PROXY_" + service + "_SVC_NAME", service.toLowerCase(Locale.ROOT) + account);
    }
    environment.put("LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "127.0.0.1:0");
    environment.put("LINKERD2_PROXY_ADMIN_LISTEN_ADDR", "127.0.0.1:0");
    environment.put("SIGNET_PROXY_AUDIT_FILE", directory.resolve(name + ".jsonl").toString());
    environment.put("SIGNET_PROXY_HANDOVER", "off");
    environment.putAll(settings);
    return ProxyConfig.from(environment);
  }

  private Proxy start(String name) throws Exception {
    Proxy proxy = Proxy.start(plane, config(name, Map.of()), InstantSource.system());
    parts.add(proxy);
    return proxy;
  }

  private static HttpResponse<String> live(Proxy proxy) throws Exception {
    return get(proxy, "/live");
  }

  private static HttpResponse<String> get(Proxy proxy, String path) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + proxy.admin().getPort() + path))
              .timeout(Duration.ofSeconds(20))
              .build(),
          HttpResponse.BodyHandlers.ofString());
    }
  }

  @Test
  void aLoopThatEndsEndsEveryProxyOfTheProcess() throws Exception {
    Proxy web = start("web");
    Proxy cart = start("cart");
    assertThat(plane.loops().proxies()).as("on different loops").containsExactly(1, 1);
    assertThat(live(web).statusCode()).isEqualTo(200);
    assertThat(live(cart).statusCode()).isEqualTo(200);
    endFirstLoop();
    for (Proxy proxy : List.of(web, cart)) {
      assertThatThrownBy(() -> proxy.closed().get(20, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasMessageContaining("event loop 0 has ended");
      HttpResponse<String> answer = live(proxy);
      assertThat(answer.statusCode()).isEqualTo(503);
      assertThat(answer.body()).contains("event loop 0 has ended");
    }
    assertThat(plane.hasFailed()).isTrue();
  }

  private void endFirstLoop() throws InterruptedException {
    try (ProxyLoops loops = plane.loops().forProxy(2, Pace.DEFAULT)) {
      loops.loops().getFirst().eventLoop().shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
    }
  }

  @Test
  void aProxyWhoseLoopHasEndedCanStillBeDrained() throws Exception {
    Proxy web = start("web");
    Proxy cart = start("cart");
    endFirstLoop();
    for (Proxy proxy : List.of(web, cart)) {
      proxy.drain();
    }
    // Who drains them waits for nothing that can never come.
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!plane.loops().proxies().equals(List.of(0, 0)) && System.nanoTime() - end < 0) {
      Thread.onSpinWait();
    }
    assertThat(plane.loops().proxies()).containsExactly(0, 0);
  }

  @Test
  void whoComesAfterTheFailureIsToldAsWellAndWhoHasEndedIsNot() throws Exception {
    List<String> told = new ArrayList<>();
    plane.onFailure(cause -> told.add("ended before")).close();
    AutoCloseable faulty =
        plane.onFailure(
            cause -> {
              throw new IllegalStateException("not told");
            });
    CompletableFuture<String> during = new CompletableFuture<>();
    plane.onFailure(cause -> during.complete(cause.getMessage()));
    endFirstLoop();
    assertThat(during.get(20, TimeUnit.SECONDS)).isEqualTo("event loop 0 has ended");
    plane.onFailure(cause -> told.add(cause.getMessage()));
    faulty.close();
    assertThat(told).containsExactly("event loop 0 has ended");
  }

  @Test
  void aStartThatHangsKeepsNeitherOthersNorWhoeverHasTheCertificateWaiting() throws Exception {
    CompletableFuture<Void> node = new CompletableFuture<>();
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch others = new CountDownLatch(11);
    try {
      for (int i = 0; i < 10; i++) {
        plane.whenCertified(node, plane.newTurn("shop/w" + i), others::countDown);
      }
      // Dependents of a future run in any order: one hangs between others.
      plane.whenCertified(
          node,
          plane.newTurn("shop/hangs"),
          () -> {
            try {
              goOn.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
      plane
          .newTurn("the node")
          .execute(
              () -> {
                node.complete(null);
                others.countDown();
              });
      assertThat(others.await(30, TimeUnit.SECONDS)).isTrue();
    } finally {
      goOn.countDown();
    }
  }

  @Test
  void aDataPlaneThatCannotStartLeavesNothingOpen() throws Exception {
    int before = polls();
    for (int i = 0; i < 20; i++) {
      assertThatThrownBy(() -> DataPlane.start("nio", 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("event loops 0");
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (polls() > before && System.nanoTime() - end < 0) {
      Thread.onSpinWait();
    }
    assertThat(polls()).isLessThanOrEqualTo(before);
  }

  /** Loops of any kind have one such descriptor at least. */
  private static int polls() throws IOException {
    int found = 0;
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path each : all) {
        try {
          found += Files.readSymbolicLink(each).toString().contains("eventpoll") ? 1 : 0;
        } catch (IOException e) {
          // It was this look's own.
        }
      }
    }
    return found;
  }

  @Test
  void theLoopOfAdminServersIsWatched() throws Exception {
    assertThat(plane.stuck()).isEmpty();
    plane.adminLoop().close();
    assertThat(plane.adminLoop().group().terminationFuture().await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(plane.stuck()).containsExactly("admin loop has ended");
  }

  /** The socket waits for the admin loop here, as it would for a directory that hangs. */
  @Test
  void nobodyWaitsForTheHandoverSocketOfAProxyThatServes() throws Exception {
    int threads = sharedThreads();
    CountDownLatch goOn = new CountDownLatch(1);
    try (DataPlane epoll = DataPlane.start("epoll", 1);
        Proxy web =
            Proxy.start(
                epoll,
                config(
                    "web", Map.of("SIGNET_PROXY_HANDOVER", directory.resolve("h.sock").toString())),
                InstantSource.system())) {
      epoll
          .adminLoop()
          .group()
          .execute(
              () -> {
                try {
                  goOn.await();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
      CompletableFuture<Boolean> served = new CompletableFuture<>();
      Thread serving = Thread.ofPlatform().start(() -> served.complete(web.serve(null)));
      while (serving.getState() != Thread.State.TIMED_WAITING) {
        Thread.onSpinWait();
      }
      assertThat(web.withdraw()).as("it serves already").isFalse();
      assertThat(served).isNotDone();
      goOn.countDown();
      assertThat(served.get(20, TimeUnit.SECONDS)).isTrue();
      assertThat(web.ready()).isCompleted();
      assertThat(web.canBeReplaced()).isTrue();
    } finally {
      goOn.countDown();
    }
    while (sharedThreads() > threads) {
      Thread.onSpinWait();
    }
  }

  @Test
  void aProxyThatEndsLeavesTheOthers() throws Exception {
    Proxy web = start("web");
    Proxy cart = start("cart");
    web.close();
    assertThat(web.closed()).isCompleted();
    assertThat(plane.loops().proxies()).containsExactly(0, 1);
    assertThat(plane.hasFailed()).isFalse();
    assertThat(live(cart).statusCode()).isEqualTo(200);
    try (Socket client = new Socket(LOCAL, cart.inbound().getFirst().getPort())) {
      assertThat(client.isConnected()).isTrue();
    }
    try (ServerSocket free = new ServerSocket()) {
      free.bind(web.inbound().getFirst());
    }
  }

  @Test
  void aProxyThatCannotStartLeavesNothingAndTheOthersGoOn() throws Exception {
    Proxy web = start("web");
    int inbound = freePort();
    int tasks = Math.max(1, plane.timerTasks());
    int threads = ownThreads();
    ProxyConfig taken =
        config(
            "cart",
            Map.of(
                "LINKERD2_PROXY_INBOUND_LISTEN_ADDR",
                "127.0.0.1:" + inbound,
                "LINKERD2_PROXY_ADMIN_LISTEN_ADDR",
                "127.0.0.1:" + web.admin().getPort()));
    assertThatThrownBy(() -> Proxy.start(plane, taken, InstantSource.system()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("admin address");
    assertThat(plane.loops().proxies()).containsExactly(1, 0);
    assertThat(plane.timerTasks()).isLessThanOrEqualTo(tasks);
    try (ServerSocket free = new ServerSocket()) {
      free.bind(new InetSocketAddress(LOCAL, inbound));
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (ownThreads() > threads && System.nanoTime() - end < 0) {
      Thread.onSpinWait();
    }
    assertThat(ownThreads()).as("threads").isLessThanOrEqualTo(threads);
    assertThat(live(web).statusCode()).isEqualTo(200);
    assertThat(web.closed()).isNotDone();
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, LOCAL)) {
      return socket.getLocalPort();
    }
  }

  /** Threads that each proxy has for itself. */
  private static int ownThreads() {
    return (int)
        Thread.getAllStackTraces().keySet().stream()
            .map(Thread::getName)
            .filter(name -> name.matches("(admin|identity-client|audit-journal|handover).*"))
            .count();
  }

  @Test
  void threadsOfTrafficAreThoseOfTheProcessHoweverManyProxies() throws Exception {
    start("a");
    start("b");
    int before = sharedThreads();
    start("c");
    start("d");
    start("e");
    assertThat(sharedThreads()).isEqualTo(before);
  }

  private static int sharedThreads() {
    return (int)
        Thread.getAllStackTraces().keySet().stream()
            .map(Thread::getName)
            .filter(name -> name.matches("proxy-(loop|timer).*"))
            .count();
  }

  @Test
  void aProxyForAnotherTransportIsRefused() throws Exception {
    ProxyConfig other = config("web", Map.of("SIGNET_PROXY_TRANSPORT", "epoll"));
    assertThatThrownBy(() -> Proxy.start(plane, other, InstantSource.system()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected nio");
    assertThat(plane.loops().proxies()).containsExactly(0, 0);
  }

  @Test
  void aDrainWaitsForTheConnectionsOfItsOwnProxyOnly() throws Exception {
    try (DataPlane one = DataPlane.start("nio", 1);
        ProxyLoops idle = one.loops().forProxy(1, Pace.DEFAULT);
        ProxyLoops busy = one.loops().forProxy(1, Pace.DEFAULT);
        Socket client = connect(busy)) {
      CompletableFuture<Void> busyEnded = drain(busy);
      drain(idle).get(20, TimeUnit.SECONDS);
      // What ends a proxy runs on a thread of this name.
      while (Thread.getAllStackTraces().keySet().stream()
          .anyMatch(thread -> thread.getName().equals("proxy-close"))) {
        Thread.onSpinWait();
      }
      assertThat(busyEnded).isNotDone();
      assertThat(client.isConnected()).isTrue();
    }
  }

  private Socket connect(ProxyLoops loops) throws Exception {
    CountDownLatch accepted = new CountDownLatch(1);
    InetSocketAddress address =
        (InetSocketAddress)
            loops
                .listen(
                    new InetSocketAddress(LOCAL, 0),
                    loop ->
                        new ChannelInboundHandlerAdapter() {
                          @Override
                          public void channelActive(ChannelHandlerContext ctx) {
                            accepted.countDown();
                          }
                        })
                .getFirst()
                .localAddress();
    Socket client = new Socket(address.getAddress(), address.getPort());
    assertThat(accepted.await(20, TimeUnit.SECONDS)).isTrue();
    return client;
  }

  /** Two looks at the connections that are open, long before the end of the grace period. */
  @SuppressWarnings("NullAway") // Nobody asks the admin server, so its guard is not asked either.
  private CompletableFuture<Void> drain(ProxyLoops loops) throws Exception {
    CompletableFuture<Void> over = new CompletableFuture<>();
    AdminServer admin =
        AdminServer.start(
            plane.adminLoop(),
            new InetSocketAddress(LOCAL, 0),
            new AdminSurface(
                List::of,
                () -> true,
                new MetricsRegistry(Duration.ofMinutes(1)),
                Map.of(),
                List::of,
                false,
                () -> {}),
            null);
    parts.add(admin);
    Draining looks =
        new Draining(
            loops,
            new Listeners(config("web", Map.of()), loops, null),
            admin,
            Duration.ofHours(1),
            false,
            () -> over.complete(null));
    looks.run();
    looks.run();
    return over;
  }

  /** Nobody writes to these files: opening them does not return. */
  @Test
  void workloadsWhoseTokensHangKeepNoOtherFromItsCertificate() throws Exception {
    for (int i = 0; i < 5; i++) {
      Path token = directory.resolve("hangs-" + i);
      assertThat(new ProcessBuilder("mkfifo", token.toString()).start().waitFor()).isZero();
      // Lets go of the reader, whenever it has come.
      parts.add(() -> FileChannel.open(token, READ, WRITE).close());
      parts.add(
          Proxy.start(
              plane,
              config("hangs-" + i, Map.of("LINKERD2_PROXY_IDENTITY_TOKEN_FILE", token.toString())),
              InstantSource.system()));
    }
    Files.writeString(directory.resolve("token"), "a token");
    Proxy web = start("web");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    // It has asked, and nobody is there.
    while (get(web, "/metrics")
        .body()
        .contains("control_identity_cert_refreshes_total{result=\"error\"} 0\n")) {
      assertThat(System.nanoTime()).isLessThan(deadline);
    }
  }

  @Test
  void proxiesBesideOthersNeedNoThreadsOfTheirOwn() throws Exception {
    start("web");
    Set<Thread> before = threads();
    for (int i = 0; i < 5; i++) {
      start("more-" + i);
    }
    assertThat(threads())
        .as("threads that come and go with work apart")
        .allMatch(thread -> before.contains(thread) || thread.getName().startsWith("workload-"));
  }

  private static Set<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> !thread.getName().matches("control-.*|proxy-loop-.*|HttpClient.*"))
        .collect(Collectors.toSet());
  }

  @Test
  void closingTheTimerOfOneProxyDropsItsTasksAndNoOthers() throws Exception {
    ProxyTimer ending = plane.newTimer();
    ProxyTimer other = plane.newTimer();
    ScheduledFuture<?> dropped = ending.schedule(() -> {}, 1, TimeUnit.HOURS);
    ScheduledFuture<?> repeated = ending.scheduleWithFixedDelay(() -> {}, 1, 1, TimeUnit.HOURS);
    ScheduledFuture<String> kept = other.schedule(() -> "ran", 50, TimeUnit.MILLISECONDS);
    ending.close();
    assertThat(dropped.isCancelled()).isTrue();
    assertThat(repeated.isCancelled()).isTrue();
    assertThatThrownBy(() -> ending.schedule(() -> {}, 1, TimeUnit.HOURS))
        .isInstanceOf(RejectedExecutionException.class);
    assertThat(kept.get(20, TimeUnit.SECONDS)).isEqualTo("ran");
    // The looks at loops, workloads and journals are the data plane's own; some may be under way.
    assertThat(plane.timerTasks()).isLessThanOrEqualTo(3);
  }

  @Test
  void tasksThatHaveRunAreForgotten() throws Exception {
    ProxyTimer timer = plane.newTimer();
    for (int i = 0; i < 1_000; i++) {
      timer.schedule(() -> {}, 0, TimeUnit.NANOSECONDS).get(20, TimeUnit.SECONDS);
    }
    assertThat(timer.remembered()).isLessThan(200);
    timer.close();
  }

  @Test
  void theTransportIsTheOneAskedFor() {
    assertThat(plane.transport()).isEqualTo(IoTransport.NIO);
  }
}
