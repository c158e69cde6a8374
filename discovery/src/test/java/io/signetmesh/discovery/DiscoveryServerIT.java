package io.signetmesh.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.linkerd.proxy.destination.DestinationGrpc;
import io.linkerd.proxy.destination.DestinationProfile;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.destination.WeightedAddr;
import io.linkerd.proxy.outbound.OutboundPoliciesGrpc;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.TrafficSpec;
import io.signetmesh.cluster.InMemorySource;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.discovery.topology.IpAddresses;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The server over sockets, with what proxies of the quickstart ask. */
@Timeout(60)
class DiscoveryServerIT {
  private static final Path QUICKSTART = Path.of("..", "examples", "quickstart");
  private static final DiscoveryConfig CONFIG =
      DiscoveryConfig.defaults("linkerd", "cluster.local");
  private static final WorkloadIdentity SERVER = identity("linkerd-destination", "linkerd");
  private static final InstantSource CLOCK = InstantSource.system();
  private static final String FRONTEND = "{\"ns\":\"shop\",\"pod\":\"frontend\"}";

  @TempDir Path state;

  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  private <T extends AutoCloseable> T opened(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private static WorkloadIdentity identity(String serviceAccount, String namespace) {
    return new WorkloadIdentity(serviceAccount, namespace, "linkerd", "cluster.local");
  }

  private InMemorySource source(List<HasMetadata> objects) {
    return opened(new InMemorySource(objects));
  }

  private DiscoveryServer serve(InMemorySource source, Security security) throws Exception {
    return opened(
        DiscoveryServer.start(
            new DiscoveryServer.Config(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), security, CONFIG),
            source,
            loops));
  }

  private GrpcFixture.Client cleartext(InetSocketAddress address) {
    return client(ControlChannel.openCleartext(addressOf(address), loops));
  }

  private GrpcFixture.Client client(ManagedChannel channel) {
    opened(channel::shutdownNow);
    return new GrpcFixture.Client(channel);
  }

  private static ControlChannel.Address addressOf(InetSocketAddress address) {
    return new ControlChannel.Address(address.getHostString(), address.getPort());
  }

  private static GrpcFixture.Stream<Update> get(GrpcFixture.Client client, String path) {
    return get(client, path, FRONTEND);
  }

  private static GrpcFixture.Stream<Update> get(
      GrpcFixture.Client client, String path, String context) {
    return client.call(
        DestinationGrpc.getGetMethod(),
        GetDestination.newBuilder().setPath(path).setContextToken(context).build());
  }

  private static DestinationProfile profile(GrpcFixture.Client client, String path)
      throws Exception {
    return client
        .call(
            DestinationGrpc.getGetProfileMethod(),
            GetDestination.newBuilder().setPath(path).setContextToken(FRONTEND).build())
        .next();
  }

  private static GrpcFixture.Stream<OutboundPolicy> policy(
      GrpcFixture.Client client, TrafficSpec.Builder target, String workload) {
    return client.call(
        OutboundPoliciesGrpc.getWatchMethod(), target.setSourceWorkload(workload).build());
  }

  private static String text(WeightedAddr endpoint) {
    return String.valueOf(IpAddresses.ofWire(endpoint.getAddr()));
  }

  private static int inboundPort(WeightedAddr endpoint) {
    return endpoint.getProtocolHint().getOpaqueTransport().getInboundPort();
  }

  @Test
  void leadsClientsOfTheQuickstartToTheProxiesOfItsServices() throws Exception {
    DiscoveryServer server = serve(source(Manifests.read(QUICKSTART)), new Security.Cleartext());
    GrpcFixture.Client client = cleartext(server.address());

    WeightedAddr web = get(client, "web.shop.svc.cluster.local:80").next().getAdd().getAddrs(0);
    WeightedAddr greeter =
        get(client, "greeter.shop.svc.cluster.local:9090").next().getAdd().getAddrs(0);
    WeightedAddr ledger =
        get(client, "ledger.shop.svc.cluster.local:7070").next().getAdd().getAddrs(0);

    assertThat(text(web)).isEqualTo("/127.10.0.10:8080");
    assertThat(inboundPort(web)).isEqualTo(4143);
    assertThat(web.getProtocolHint().hasH2()).isTrue();
    assertThat(web.getTlsIdentity().getDnsLikeIdentity().getName())
        .isEqualTo(identity("web", "shop").dnsName());
    assertThat(text(greeter)).isEqualTo("/127.10.0.11:9090");
    assertThat(inboundPort(greeter)).isEqualTo(4143);
    assertThat(text(ledger)).isEqualTo("/127.10.0.12:7070");
    assertThat(inboundPort(ledger)).isEqualTo(4143);
    assertThat(ledger.getProtocolHint().hasOpaque()).isTrue();

    assertThat(
            policy(
                    client,
                    TrafficSpec.newBuilder().setAuthority("web.shop.svc.cluster.local:80"),
                    FRONTEND)
                .next()
                .getProtocol()
                .hasDetect())
        .isTrue();
    assertThat(
            policy(
                    client,
                    TrafficSpec.newBuilder().setAuthority("greeter.shop.svc.cluster.local:9090"),
                    FRONTEND)
                .next()
                .getProtocol()
                .hasHttp2())
        .isTrue();
    assertThat(
            policy(
                    client,
                    TrafficSpec.newBuilder().setAuthority("ledger.shop.svc.cluster.local:7070"),
                    FRONTEND)
                .next()
                .getProtocol()
                .hasOpaque())
        .isTrue();
  }

  @Test
  void followsManifestsAsPodsComeAndGo() throws Exception {
    InMemorySource source = source(Manifests.read(QUICKSTART));
    GrpcFixture.Client client = cleartext(serve(source, new Security.Cleartext()).address());
    GrpcFixture.Stream<Update> stream = get(client, "web.shop.svc.cluster.local:80");
    assertThat(text(stream.next().getAdd().getAddrs(0))).isEqualTo("/127.10.0.10:8080");

    List<HasMetadata> two = new ArrayList<>(Manifests.read(QUICKSTART));
    two.addAll(Manifests.parse(hostPod("web-2", "127.10.0.15", 8080, 4143)));
    source.replace(two);
    Update added = stream.next();
    two.removeIf(object -> object.getMetadata().getName().equals("web") && kind(object, "Pod"));
    source.replace(two);
    Update removed = stream.next();
    two.removeIf(object -> kind(object, "Pod"));
    source.replace(two);
    Update empty = stream.next();
    two.removeIf(object -> kind(object, "Service"));
    source.replace(two);
    Update gone = stream.next();

    assertThat(added.getAdd().getAddrsList())
        .extracting(DiscoveryServerIT::text)
        .containsExactly("/127.10.0.15:8080");
    assertThat(removed.getRemove().getAddrsList())
        .extracting(address -> String.valueOf(IpAddresses.ofWire(address)))
        .containsExactly("/127.10.0.10:8080");
    assertThat(empty.getNoEndpoints().getExists()).isTrue();
    assertThat(gone.hasNoEndpoints()).isTrue();
    assertThat(gone.getNoEndpoints().getExists()).isFalse();
  }

  private static boolean kind(HasMetadata object, String kind) {
    return object.getKind().equals(kind);
  }

  private static String hostPod(String name, String ip, int port, int inboundPort) {
    return """
        kind: Pod
        metadata:
          name: %s
          namespace: shop
          labels: {app: web, linkerd.io/control-plane-ns: linkerd}
          annotations: {proxy.signetmesh.io/inbound-port: '%d'}
        spec:
          serviceAccountName: web
          containers: [{name: web, ports: [{name: http, containerPort: %d}]}]
        status: {phase: Running, podIP: %s}
        """
        .formatted(name, inboundPort, port, ip);
  }

  @Test
  void tellsWorkloadsThatShareAnAddressApartByTheirProxysPort() throws Exception {
    InMemorySource source =
        source(
            Manifests.parse(
                hostPod("web-1", "127.0.0.1", 8081, 4243),
                hostPod("web-2", "127.0.0.1", 8082, 4343),
                """
                kind: ExternalWorkload
                metadata:
                  name: vm
                  namespace: shop
                  labels: {app: web}
                  annotations: {config.linkerd.io/inbound-port: '4443'}
                spec:
                  meshTLS: {identity: 'spiffe://cluster.local/vm', serverName: vm.example.com}
                  workloadIPs: [{ip: 127.0.0.1}]
                  ports: [{name: http, port: 8083}]
                """,
                """
                kind: Service
                metadata: {name: web, namespace: shop}
                spec:
                  clusterIP: 127.10.0.110
                  selector: {app: web}
                  ports: [{name: http, port: 80, targetPort: http}]
                """));
    GrpcFixture.Client client = cleartext(serve(source, new Security.Cleartext()).address());

    List<WeightedAddr> endpoints =
        get(client, "web.shop.svc.cluster.local:80").next().getAdd().getAddrsList();

    assertThat(endpoints)
        .extracting(endpoint -> text(endpoint) + " by " + inboundPort(endpoint))
        .containsExactlyInAnyOrder(
            "/127.0.0.1:8081 by 4243", "/127.0.0.1:8082 by 4343", "/127.0.0.1:8083 by 4443");
    assertThat(inboundPort(profile(client, "127.0.0.1:8082").getEndpoint())).isEqualTo(4343);
    assertThat(
            profile(client, "127.0.0.1:8083")
                .getEndpoint()
                .getTlsIdentity()
                .getUriLikeIdentity()
                .getUri())
        .isEqualTo("spiffe://cluster.local/vm");
  }

  @Test
  void profilesServicesWorkloadsAndUnknownAddresses() throws Exception {
    GrpcFixture.Client client =
        cleartext(serve(source(Manifests.read(QUICKSTART)), new Security.Cleartext()).address());

    DestinationProfile service = profile(client, "127.10.0.110:80");
    DestinationProfile opaque = profile(client, "127.10.0.112:7070");
    DestinationProfile undefined = profile(client, "127.10.0.110:81");
    DestinationProfile pod = profile(client, "127.10.0.12:7070");
    DestinationProfile unknown = profile(client, "203.0.113.9:443");

    assertThat(service.getFullyQualifiedName()).isEqualTo("web.shop.svc.cluster.local");
    assertThat(service.getOpaqueProtocol()).isFalse();
    assertThat(opaque.getOpaqueProtocol()).isTrue();
    assertThat(undefined).isEqualTo(DestinationProfile.getDefaultInstance());
    assertThat(pod.getOpaqueProtocol()).isTrue();
    assertThat(inboundPort(pod.getEndpoint())).isEqualTo(4143);
    assertThat(pod.getEndpoint().getTlsIdentity().getDnsLikeIdentity().getName())
        .isEqualTo(identity("ledger", "shop").dnsName());
    assertThat(text(unknown.getEndpoint())).isEqualTo("/203.0.113.9:443");
    assertThat(unknown.getEndpoint().hasTlsIdentity()).isFalse();
  }

  @Test
  void answersOnlyTheWorkloadThatACallerIs() throws Exception {
    CertificateAuthority authority = authority();
    InMemorySource source = source(Manifests.read(QUICKSTART));
    DiscoveryServer server = serve(source, mutualTls(authority));
    GrpcFixture.Client frontend = mutual(server.address(), authority, identity("frontend", "shop"));
    GrpcFixture.Client stranger = mutual(server.address(), authority, identity("frontend", "bank"));
    GrpcFixture.Client nobody = anonymous(server);
    GrpcFixture.Client nobodyElse = anonymous(server);
    String path = "web.shop.svc.cluster.local:80";
    TrafficSpec.Builder web = TrafficSpec.newBuilder().setAuthority(path);

    assertThat(get(frontend, path).next().hasAdd()).isTrue();
    assertThat(policy(frontend, web, FRONTEND).next().hasProtocol()).isTrue();
    Status another = get(stranger, path).end();
    assertThat(another.getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(another.getDescription())
        .contains(identity("frontend", "bank").dnsName())
        .contains(identity("frontend", "shop").dnsName());
    assertThat(get(stranger, path, "{\"ns\":\"shop\"}").end().getCode())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(policy(stranger, web, FRONTEND).end().getCode())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(get(nobody, path).end().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
    // On a connection of its own: that of the call before has ended.
    assertThat(policy(nobodyElse, web, FRONTEND).end().getCode())
        .isEqualTo(Status.Code.UNAUTHENTICATED);
  }

  private GrpcFixture.Client anonymous(DiscoveryServer server) throws Exception {
    return client(
        ControlChannel.openAnonymous(
            addressOf(server.address()), SERVER.dnsName(), bundles(), CLOCK, loops));
  }

  @Test
  void servesOutboundPoliciesOnAnotherServerWithItsCallers() throws Exception {
    CertificateAuthority authority = authority();
    DiscoveryServer server = serve(source(Manifests.read(QUICKSTART)), mutualTls(authority));
    ControlServer policyPort =
        opened(
            ControlServer.start(
                ControlServer.Config.of(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    mutualTls(authority)),
                loops,
                List.of(server.outboundPolicies())));
    TrafficSpec.Builder web =
        TrafficSpec.newBuilder().setAddr(IpAddresses.toWire(literal("127.10.0.110"), 80));

    assertThat(
            policy(
                    mutual(policyPort.address(), authority, identity("frontend", "shop")),
                    web,
                    FRONTEND)
                .next()
                .getMetadata()
                .getResource()
                .getName())
        .isEqualTo("web");
    assertThat(
            policy(
                    mutual(policyPort.address(), authority, identity("intruder", "shop")),
                    web,
                    FRONTEND)
                .end()
                .getCode())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void cutsItsStreamsWhenItIsClosed() throws Exception {
    DiscoveryServer server = serve(source(Manifests.read(QUICKSTART)), new Security.Cleartext());
    GrpcFixture.Stream<Update> stream =
        get(cleartext(server.address()), "web.shop.svc.cluster.local:80");
    stream.next();

    server.close();

    assertThat(stream.end().isOk()).isFalse();
  }

  private static InetAddress literal(String ip) {
    return InetAddress.ofLiteral(ip);
  }

  private CertificateAuthority authority() throws Exception {
    return new CertificateAuthority(
        EmbeddedAuthority.open(state, "linkerd", "cluster.local", CLOCK),
        bundles(),
        IssuancePolicy.DEFAULT,
        CLOCK);
  }

  private TrustBundleStore bundles() throws Exception {
    return TrustBundleStore.open(
        state,
        "cluster.local",
        List.of(EmbeddedAuthority.open(state, "linkerd", "cluster.local", CLOCK).anchor()));
  }

  private Credentials credentials(CertificateAuthority authority, WorkloadIdentity identity)
      throws Exception {
    KeyPair keys = PrivateKeys.generate();
    SigningRequest request = SigningRequest.parse(SigningRequest.create(identity.dnsName(), keys));
    return new Credentials(
        new WorkloadCertificate(keys.getPrivate(), authority.issue(identity, request)),
        bundles().get());
  }

  private Security mutualTls(CertificateAuthority authority) throws Exception {
    Credentials own = credentials(authority, SERVER);
    return new Security.MutualTls(() -> own, CLOCK, Set.of());
  }

  private GrpcFixture.Client mutual(
      InetSocketAddress address, CertificateAuthority authority, WorkloadIdentity identity)
      throws Exception {
    Credentials own = credentials(authority, identity);
    return client(
        ControlChannel.open(addressOf(address), SERVER.dnsName(), () -> own, CLOCK, loops));
  }
}
