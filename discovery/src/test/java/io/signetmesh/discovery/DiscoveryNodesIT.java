package io.signetmesh.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.linkerd.proxy.destination.DestinationGrpc;
import io.linkerd.proxy.destination.DestinationProfile;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.outbound.OutboundPoliciesGrpc;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.TrafficSpec;
import io.signetmesh.cluster.InMemorySource;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.node.NodeIdentity;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a node can ask of discovery with its own certificate, and what not. */
@Timeout(60)
class DiscoveryNodesIT {
  private static final Path QUICKSTART = Path.of("..", "examples", "quickstart");
  private static final WorkloadIdentity SERVER = identity("linkerd-destination", "linkerd");
  private static final InstantSource CLOCK = InstantSource.system();
  private static final String PATH = "web.shop.svc.cluster.local:80";
  private static final String FRONTEND = "{\"ns\":\"shop\",\"pod\":\"frontend\"}";
  private static final String WEB = "{\"ns\":\"shop\",\"pod\":\"web\"}";

  @TempDir Path state;

  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private InMemorySource source;
  private CertificateAuthority authority;
  private DiscoveryServer server;

  @BeforeEach
  void start() throws Exception {
    EmbeddedAuthority embedded = EmbeddedAuthority.open(state, "linkerd", "cluster.local", CLOCK);
    authority = new CertificateAuthority(embedded, bundles(), IssuancePolicy.DEFAULT, CLOCK);
    source = opened(new InMemorySource(placed("n1", "n2")));
    Credentials own = credentials(SERVER);
    server =
        opened(
            DiscoveryServer.start(
                new DiscoveryServer.Config(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    new Security.MutualTls(() -> own, CLOCK, Set.of()),
                    DiscoveryConfig.defaults("linkerd", "cluster.local")),
                source,
                loops));
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  /** The quickstart, with nodes for two of its pods and none for the others. */
  private static List<HasMetadata> placed(String ofFrontend, String ofWeb) {
    List<HasMetadata> objects = Manifests.read(QUICKSTART);
    for (HasMetadata object : objects) {
      if (object instanceof Pod pod) {
        switch (pod.getMetadata().getName()) {
          case "frontend" -> pod.getSpec().setNodeName(ofFrontend);
          case "web" -> pod.getSpec().setNodeName(ofWeb);
          default -> pod.getSpec().setNodeName(null);
        }
      }
    }
    return objects;
  }

  private static WorkloadIdentity identity(String serviceAccount, String namespace) {
    return new WorkloadIdentity(serviceAccount, namespace, "linkerd", "cluster.local");
  }

  private <T extends AutoCloseable> T opened(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private TrustBundleStore bundles() throws Exception {
    return TrustBundleStore.open(
        state,
        "cluster.local",
        List.of(EmbeddedAuthority.open(state, "linkerd", "cluster.local", CLOCK).anchor()));
  }

  private Credentials credentials(WorkloadIdentity identity) throws Exception {
    KeyPair keys = PrivateKeys.generate();
    SigningRequest request = SigningRequest.parse(SigningRequest.create(identity.dnsName(), keys));
    return new Credentials(
        new WorkloadCertificate(keys.getPrivate(), authority.issue(identity, request)),
        bundles().get());
  }

  private GrpcFixture.Client node(String name) throws Exception {
    return client(NodeIdentity.of(name, "linkerd", "cluster.local"));
  }

  private GrpcFixture.Client client(WorkloadIdentity identity) throws Exception {
    Credentials own = credentials(identity);
    ManagedChannel channel =
        ControlChannel.open(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()),
            SERVER.dnsName(),
            () -> own,
            CLOCK,
            loops);
    opened(channel::shutdownNow);
    return new GrpcFixture.Client(channel);
  }

  private static GrpcFixture.Stream<Update> endpoints(GrpcFixture.Client client, String context) {
    return client.call(
        DestinationGrpc.getGetMethod(),
        GetDestination.newBuilder().setPath(PATH).setContextToken(context).build());
  }

  private static GrpcFixture.Stream<DestinationProfile> profile(
      GrpcFixture.Client client, String context) {
    return client.call(
        DestinationGrpc.getGetProfileMethod(),
        GetDestination.newBuilder().setPath(PATH).setContextToken(context).build());
  }

  private static GrpcFixture.Stream<OutboundPolicy> outbound(
      GrpcFixture.Client client, String workload) {
    return client.call(
        OutboundPoliciesGrpc.getWatchMethod(),
        TrafficSpec.newBuilder().setAuthority(PATH).setSourceWorkload(workload).build());
  }

  private static void refused(GrpcFixture.Client client, String claim) throws Exception {
    assertThat(endpoints(client, claim).end().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(profile(client, claim).end().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  private static void refusedOfAll(GrpcFixture.Client client, String claim) throws Exception {
    refused(client, claim);
    assertThat(outbound(client, claim).end().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void aNodeAsksForThePodsThatArePlacedOnIt() throws Exception {
    GrpcFixture.Client n1 = node("n1");
    assertThat(endpoints(n1, FRONTEND).next().hasAdd()).isTrue();
    assertThat(profile(n1, FRONTEND).next().getFullyQualifiedName()).startsWith("web.shop");
    assertThat(outbound(n1, FRONTEND).next().hasProtocol()).isTrue();
    // Beside the proxy that a pod may have of its own.
    GrpcFixture.Client own = client(identity("frontend", "shop"));
    assertThat(endpoints(own, FRONTEND).next().hasAdd()).isTrue();
  }

  @Test
  void aNodeDoesNotAskForPodsThatAreElsewhereOrNowhere() throws Exception {
    GrpcFixture.Client n1 = node("n1");
    refusedOfAll(n1, WEB);
    refusedOfAll(n1, "{\"ns\":\"shop\",\"pod\":\"greeter\"}");
    refusedOfAll(n1, "{\"ns\":\"shop\",\"pod\":\"nobody\"}");
    refusedOfAll(n1, "{\"ns\":\"shop\",\"external_workload\":\"vm\"}");
    refusedOfAll(node("n"), FRONTEND);
    refusedOfAll(node("n1-a"), FRONTEND);
  }

  @Test
  void aNodeClaimsNoNamespaceNorNothing() throws Exception {
    GrpcFixture.Client n1 = node("n1");
    refused(n1, "ns:shop");
    refused(n1, "ns:linkerd");
    refused(n1, "{\"ns\":\"shop\",\"nodeName\":\"n1\"}");
    refused(n1, "");
    refused(n1, "not a context");
  }

  @Test
  void theStreamsOfAPodThatMovesEndAndItsNewNodeHasThem() throws Exception {
    GrpcFixture.Client n1 = node("n1");
    GrpcFixture.Client n2 = node("n2");
    GrpcFixture.Stream<Update> ofN1 = endpoints(n1, FRONTEND);
    GrpcFixture.Stream<DestinationProfile> profileOfN1 = profile(n1, FRONTEND);
    GrpcFixture.Stream<Update> another = endpoints(n2, WEB);
    ofN1.next();
    profileOfN1.next();
    another.next();

    source.replace(placed("n2", "n2"));

    assertThat(ofN1.end().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(profileOfN1.end().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(endpoints(n2, FRONTEND).next().hasAdd()).isTrue();
    refusedOfAll(n1, FRONTEND);
    assertThat(another.silent()).isTrue();
  }

  @Test
  void theStreamsOfAPodThatIsDeletedEnd() throws Exception {
    GrpcFixture.Stream<Update> stream = endpoints(node("n1"), FRONTEND);
    stream.next();
    List<HasMetadata> objects = placed("n1", "n2");
    objects.removeIf(
        object -> object instanceof Pod && object.getMetadata().getName().equals("frontend"));
    source.replace(objects);
    assertThat(stream.end().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  /** A workload whose ServiceAccount is that of a node gets nothing by it. */
  @Test
  void aPodWithTheServiceAccountOfANodeIsNobodys() throws Exception {
    List<HasMetadata> objects = placed("n1", "n2");
    for (HasMetadata object : objects) {
      if (object instanceof Pod pod && pod.getMetadata().getName().equals("web")) {
        pod.getMetadata().setNamespace("linkerd");
        pod.getSpec().setServiceAccountName("node-n1");
      }
    }
    source.replace(objects);
    String claim = "{\"ns\":\"linkerd\",\"pod\":\"web\"}";
    refusedOfAll(node("n1"), claim);
    assertThat(endpoints(node("n2"), claim).next().hasAdd()).isFalse();
  }
}
