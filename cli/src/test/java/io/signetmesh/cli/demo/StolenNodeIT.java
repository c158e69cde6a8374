package io.signetmesh.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.linkerd.proxy.destination.DestinationGrpc;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.outbound.OutboundPoliciesGrpc;
import io.linkerd.proxy.outbound.TrafficSpec;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.controlplane.ControlPlaneServers;
import io.signetmesh.cli.demo.Shop.Client;
import io.signetmesh.cli.demo.Shop.Service;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.host.ProxyEnvironment;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.process.Readiness;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.federation.FederationConfig;
import io.signetmesh.identity.node.NodeIdentity;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.proxy.DataPlane;
import io.signetmesh.proxy.Proxy;
import io.signetmesh.proxy.config.NodeConfig;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.v1.EnforcementStatusRequest;
import io.signetmesh.v1.MintJwtSvidRequest;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A node with an identity of its own, and its proxies; and somebody who has the credentials of that
 * node. The servers are those of {@code signet up}. Pods web and frontend are on node n1, and
 * intruder is on node n2.
 */
@Timeout(180)
final class StolenNodeIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final MeshNames NAMES = MeshNames.DEFAULT;
  private static final Clock CLOCK = Clock.systemUTC();

  private final Closing parts = new Closing();
  private Shop shop;
  private ControlPlaneServers servers;
  private ControlLoops loops;
  private Path manifests;

  @TempDir private Path directory;

  @BeforeEach
  void start() throws Exception {
    LoopbackNet net = parts.add(LoopbackNet.reserve());
    shop = new Shop(net);
    manifests = Files.createDirectory(directory.resolve("manifests"));
    shop.install(SignetProcess.launcher().resolveSibling("examples/quickstart"), manifests);
    place("web.yaml", "web", "n1");
    place("clients.yaml", "frontend", "n1");
    place("clients.yaml", "intruder", "n2");
    parts.add(DemoServices.start(Service.WEB.kind(), shop.application(Service.WEB)));
    servers =
        parts.add(
            ControlPlaneServers.start(
                new ControlPlaneServers.Config(
                    Files.createDirectory(directory.resolve("state")),
                    manifests,
                    null,
                    shop.controlPlane(),
                    new ClusterSettings(
                        NAMES, List.of(Cidr.parse("127.0.0.0/8")), AccessPolicy.DENY),
                    IssuancePolicy.DEFAULT,
                    FederationConfig.NONE,
                    null,
                    null),
                CLOCK));
    loops = parts.add(ControlLoops.start(1));
  }

  @AfterEach
  void stop() throws Exception {
    parts.close();
  }

  /** Puts a pod of a manifest on a node. */
  private void place(String file, String pod, String node) throws IOException {
    edit(
        file,
        text ->
            text.replaceFirst(
                "(?s)spec:\n(  nodeName: \\w+\n)?  serviceAccountName: " + pod + "\n",
                "spec:\n  nodeName: " + node + "\n  serviceAccountName: " + pod + "\n"));
  }

  private void edit(String name, UnaryOperator<String> change) throws IOException {
    Path file = manifests.resolve(name);
    Path fresh = file.resolveSibling("." + name + ".new");
    String before = Files.readString(file);
    String after = change.apply(before);
    assertThat(after).isNotEqualTo(before);
    Files.writeString(fresh, after);
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - end).as(what).isNegative();
      Thread.sleep(20);
    }
  }

  private static WorkloadIdentity node(String name) {
    return NodeIdentity.of(name, NAMES.controlPlaneNamespace(), NAMES.trustDomain());
  }

  // ---- proxies

  private Map<String, String> environment(String pod) throws IOException {
    Workload found =
        servers.source().view().workload(WorkloadRef.pod(Shop.NAMESPACE, pod)).orElseThrow();
    HostWorkload workload = HostWorkload.of(found, NAMES.controlPlaneNamespace()).orElseThrow();
    Map<String, String> environment =
        new HashMap<>(
            ProxyEnvironment.of(
                workload,
                NAMES,
                servers.addresses(),
                servers.trustAnchors(),
                servers.tokens().issue(pod, Shop.NAMESPACE, workload.serviceAccount()),
                directory.resolve(pod + ".jsonl")));
    environment.put("SIGNET_PROXY_HANDOVER", "off");
    return environment;
  }

  private DataPlane plane(String node) throws Exception {
    WorkloadIdentity identity = node(node);
    Map<String, String> environment = environment("web");
    environment.put(NodeConfig.IDENTITY_NAME, identity.dnsName());
    environment.put(
        NodeConfig.TOKEN_FILE,
        servers
            .tokens()
            .issue("node." + node, identity.namespace(), identity.serviceAccount())
            .toString());
    return parts.add(DataPlane.start(null, 2, NodeConfig.from(environment), CLOCK));
  }

  private Proxy proxy(DataPlane plane, String pod) throws Exception {
    return parts.add(Proxy.start(plane, ProxyConfig.from(environment(pod)), CLOCK));
  }

  private int callWeb() throws IOException {
    InetSocketAddress proxy = shop.from(Client.FRONTEND, Service.WEB);
    HttpURLConnection call =
        (HttpURLConnection)
            URI.create(
                    "http://" + proxy.getAddress().getHostAddress() + ":" + proxy.getPort() + "/")
                .toURL()
                .openConnection();
    call.setReadTimeout((int) LIMIT.toMillis());
    return call.getResponseCode();
  }

  private static String ready(Proxy proxy) {
    try {
      HttpURLConnection call =
          (HttpURLConnection)
              URI.create(
                      "http://"
                          + proxy.admin().getAddress().getHostAddress()
                          + ":"
                          + proxy.admin().getPort()
                          + "/ready")
                  .toURL()
                  .openConnection();
      call.setReadTimeout((int) LIMIT.toMillis());
      try (InputStream body =
          call.getResponseCode() < 400 ? call.getInputStream() : call.getErrorStream()) {
        return new String(body.readAllBytes(), StandardCharsets.UTF_8).strip();
      }
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Test
  void proxiesOfANodeAskByItsIdentityAndSpeakWithTheirOwn() throws Exception {
    DataPlane plane = plane("n1");
    Proxy web = proxy(plane, "web");
    Proxy frontend = proxy(plane, "frontend");
    web.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    frontend.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    assertThat(callWeb()).isEqualTo(200);
    await("policy of both is acknowledged", () -> servers.policy().enforcement().inForce() >= 2);
    assertThat(Readiness.answersOk(web.admin(), "/ready")).isTrue();
    assertThat(Files.readString(directory.resolve("web.jsonl")))
        .contains(NAMES.identity(Shop.NAMESPACE, "frontend").dnsName())
        .doesNotContain(node("n1").dnsName());
  }

  /** Only that workload, and with the reason; what was in force stays. */
  @Test
  void aWorkloadThatIsPlacedElsewhereIsNotReadyAndItsNeighboursAre() throws Exception {
    DataPlane plane = plane("n1");
    Proxy web = proxy(plane, "web");
    Proxy intruder = proxy(plane, "intruder");
    web.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    await("refused", () -> intruder.refusal() != null);
    assertThat(intruder.refusal()).contains("on node n2");
    assertThat(ready(intruder)).contains("not ready", "on node n2", "shop/intruder");
    await("web is ready", () -> ready(web).equals("ready"));

    Proxy frontend = proxy(plane, "frontend");
    frontend.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    assertThat(callWeb()).isEqualTo(200);
    place("web.yaml", "web", "n2");
    await("web is refused", () -> ready(web).contains("on node n2"));
    assertThat(web.policies()).isNotEmpty();
    assertThat(callWeb()).isEqualTo(200);
    place("web.yaml", "web", "n1");
    await("web is ready again", () -> ready(web).equals("ready"));
  }

  // ---- somebody with the credentials of node n1

  private Credentials stolen() throws Exception {
    WorkloadIdentity identity = node("n1");
    return client(identity).firstCredentials().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }

  private IdentityClient client(WorkloadIdentity identity) throws Exception {
    return parts.add(
        IdentityClient.start(
            IdentityClient.Config.of(
                identity.dnsName(),
                servers.tokens().issue("stolen", identity.namespace(), identity.serviceAccount()),
                anchors(),
                address(servers.addresses().identity()),
                NAMES.identityServer().dnsName()),
            loops,
            CLOCK));
  }

  private TrustBundle anchors() throws Exception {
    return new TrustBundle(
        0, NAMES.trustDomain(), Certificates.parsePem("anchors", servers.trustAnchors()));
  }

  private static ControlChannel.Address address(InetSocketAddress address) {
    return new ControlChannel.Address(address.getAddress().getHostAddress(), address.getPort());
  }

  private ManagedChannel to(InetSocketAddress server, Credentials credentials) {
    ManagedChannel channel =
        ControlChannel.open(
            address(server), NAMES.policyServer().dnsName(), () -> credentials, CLOCK, loops);
    parts.add(channel::shutdownNow);
    return channel;
  }

  private static Status.Code code(Runnable call) {
    try {
      call.run();
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }

  @Test
  void aStolenNodeAsksForItsOwnWorkloadsOnly() throws Exception {
    Credentials stolen = stolen();
    ManagedChannel policy = to(servers.addresses().policy(), stolen);
    ManagedChannel discovery = to(servers.addresses().discovery(), stolen);
    Map<String, Status.Code> expected =
        Map.of("web", Status.Code.OK, "intruder", Status.Code.PERMISSION_DENIED);
    expected.forEach(
        (pod, code) -> {
          String wire = "{\"ns\":\"shop\",\"pod\":\"" + pod + "\"}";
          assertThat(
                  code(
                      () ->
                          InboundServerPoliciesGrpc.newBlockingStub(policy)
                              .withDeadlineAfter(20, TimeUnit.SECONDS)
                              .getPort(
                                  PortSpec.newBuilder().setWorkload(wire).setPort(8080).build())))
              .isEqualTo(code);
          assertThat(
                  code(
                      () ->
                          OutboundPoliciesGrpc.newBlockingStub(policy)
                              .withDeadlineAfter(20, TimeUnit.SECONDS)
                              .get(
                                  TrafficSpec.newBuilder()
                                      .setSourceWorkload(wire)
                                      .setAuthority("web.shop.svc.cluster.local:80")
                                      .build())))
              .isEqualTo(code);
          assertThat(
                  code(
                      () ->
                          DestinationGrpc.newBlockingStub(discovery)
                              .withDeadlineAfter(20, TimeUnit.SECONDS)
                              .get(
                                  GetDestination.newBuilder()
                                      .setContextToken(wire)
                                      .setPath("web.shop.svc.cluster.local:80")
                                      .build())
                              .next()))
              .isEqualTo(code);
        });
    assertThat(
            code(
                () ->
                    PolicyEnforcementGrpc.newBlockingStub(policy)
                        .withDeadlineAfter(20, TimeUnit.SECONDS)
                        .status(EnforcementStatusRequest.getDefaultInstance())))
        .isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void aStolenNodeGetsNoCertificateOfAWorkload() throws Exception {
    Credentials stolen = stolen();
    ManagedChannel identity =
        ControlChannel.open(
            address(servers.addresses().identity()),
            NAMES.identityServer().dnsName(),
            () -> stolen,
            CLOCK,
            loops);
    parts.add(identity::shutdownNow);
    String web = NAMES.identity(Shop.NAMESPACE, "web").dnsName();
    byte[] request = SigningRequest.create(web, PrivateKeys.generate());
    byte[] token = Files.readAllBytes(servers.tokens().issue("again", "linkerd", "node-n1"));
    for (byte[] evidence : List.of(token, new byte[0])) {
      assertThat(
              code(
                  () ->
                      IdentityGrpc.newBlockingStub(identity)
                          .withDeadlineAfter(20, TimeUnit.SECONDS)
                          .certify(
                              CertifyRequest.newBuilder()
                                  .setToken(ByteString.copyFrom(evidence))
                                  .setIdentity(web)
                                  .setCertificateSigningRequest(ByteString.copyFrom(request))
                                  .build())))
          .isEqualTo(Status.Code.FAILED_PRECONDITION);
    }
  }

  @Test
  void aStolenNodeGetsTokensOfItsOwnNameOnly() throws Exception {
    IdentityClient node = client(node("n1"));
    node.firstCredentials().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    assertThat(MintJwtSvidRequest.getDescriptor().getFields())
        .as("a request names no subject")
        .extracting(field -> field.getName())
        .containsExactly("audience");
    assertThat(node.mintJwtSvid(List.of("vault")).get(20, TimeUnit.SECONDS).getSpiffeId())
        .isEqualTo(node("n1").spiffeId());
  }

  /** It is a client like any other that no policy names. */
  @Test
  void aStolenNodeIsNoWorkloadToOthers() throws Exception {
    Proxy web = proxy(plane("n1"), "web");
    web.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    SslContext tls = MeshSslContexts.client(stolen(), List.of(), CLOCK);
    String name = NAMES.identity(Shop.NAMESPACE, "web").dnsName();
    MultiThreadIoEventLoopGroup group =
        new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    parts.add(() -> group.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync());
    CompletableFuture<String> answer = new CompletableFuture<>();
    Channel channel =
        new Bootstrap()
            .group(group)
            .channel(NioSocketChannel.class)
            .handler(
                new ChannelInitializer<>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    channel.pipeline().addLast(tls.newHandler(channel.alloc(), name, 443));
                    channel.pipeline().addLast(new FirstLine(answer));
                  }
                })
            .connect(shop.from(Client.STRANGER, Service.WEB))
            .sync()
            .channel();
    channel.writeAndFlush(
        Unpooled.copiedBuffer(
            "GET /stolen HTTP/1.1\r\nHost: web.shop\r\n\r\n", StandardCharsets.US_ASCII));
    assertThat(answer.get(LIMIT.toSeconds(), TimeUnit.SECONDS)).startsWith("HTTP/1.1 403 ");
    await(
        "the denial is on record",
        () -> {
          try {
            return Files.readString(directory.resolve("web.jsonl")).contains(node("n1").dnsName());
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  private static final class FirstLine extends SimpleChannelInboundHandler<ByteBuf> {
    private final CompletableFuture<String> answer;

    FirstLine(CompletableFuture<String> answer) {
      this.answer = answer;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, ByteBuf bytes) {
      answer.complete(bytes.toString(StandardCharsets.US_ASCII));
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      answer.completeExceptionally(new IOException("closed without an answer"));
    }
  }
}
