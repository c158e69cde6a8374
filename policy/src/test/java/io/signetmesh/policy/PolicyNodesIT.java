package io.signetmesh.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.cluster.InMemorySource;
import io.signetmesh.crds.workload.ExternalWorkload;
import io.signetmesh.crds.workload.ExternalWorkloadSpec;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.node.NodeIdentity;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.EnforcementStatusRequest;
import io.signetmesh.v1.EnforcementSummary;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import io.signetmesh.v1.PortEnforcement;
import io.signetmesh.v1.PortInspectionRequest;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a node can ask of the policy controller with its own certificate, and what not. */
@Timeout(60)
final class PolicyNodesIT {
  private static final String SERVER_NAME =
      "policy.signet.serviceaccount.identity.signet.cluster.local";
  private static final InstantSource CLOCK = InstantSource.system();

  @TempDir private Path state;
  private final ControlLoops loops = ControlLoops.start(1);
  private final List<ManagedChannel> channels = new ArrayList<>();
  private TestMesh mesh;
  private InMemorySource source;
  private PolicyServer server;

  @BeforeEach
  void start() throws Exception {
    mesh = new TestMesh(state);
    source = new InMemorySource(objects("n1", "n2"));
    Credentials own = mesh.credentials("policy", "signet");
    server =
        PolicyServer.start(
            new PolicyServer.Config(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new Security.MutualTls(() -> own, CLOCK, Set.of()),
                PolicyConfig.defaults(TestMesh.CONTROL_PLANE, TestMesh.TRUST_DOMAIN)),
            source,
            List.of(),
            loops,
            AuditLog.none(),
            CLOCK);
  }

  @AfterEach
  void stop() {
    channels.forEach(ManagedChannel::shutdownNow);
    server.close();
    source.close();
    loops.close();
  }

  /** Pods web and ledger on nodes, pod adrift on none, and two external workloads. */
  private static List<HasMetadata> objects(String ofWeb, String ofLedger) {
    return new ArrayList<>(
        List.of(
            pod("web", ofWeb),
            pod("ledger", ofLedger),
            ClusterObjects.pod("adrift"),
            external("vm", "spiffe://cluster.local/ns/shop/sa/vm"),
            external("posing", "spiffe://cluster.local/ns/signet/sa/node-n1")));
  }

  private static Pod pod(String name, String node) {
    Pod pod = ClusterObjects.pod(name);
    pod.getSpec().setNodeName(node);
    return pod;
  }

  private static ExternalWorkload external(String name, String identity) {
    return new ExternalWorkload(
        ClusterObjects.meta(name),
        new ExternalWorkloadSpec(
            new ExternalWorkloadSpec.MeshTls(identity, name + ".shop"), List.of(), List.of()),
        null);
  }

  private ManagedChannel node(String name) throws Exception {
    return as(NodeIdentity.serviceAccount(name), "signet");
  }

  private ManagedChannel as(String serviceAccount, String namespace) throws Exception {
    Credentials credentials = mesh.credentials(serviceAccount, namespace);
    ManagedChannel channel =
        ControlChannel.open(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()),
            SERVER_NAME,
            () -> credentials,
            CLOCK,
            loops);
    channels.add(channel);
    return channel;
  }

  private static PortSpec spec(String workload, int port) {
    return PortSpec.newBuilder().setWorkload(workload).setPort(port).build();
  }

  private static Status.Code getPort(ManagedChannel channel, String workload) {
    try {
      InboundServerPoliciesGrpc.newBlockingStub(channel)
          .withDeadlineAfter(10, TimeUnit.SECONDS)
          .getPort(spec(workload, 8080));
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }

  /** One watch of a port. */
  private static final class Watch implements StreamObserver<Server> {
    private final BlockingQueue<Server> messages = new LinkedBlockingQueue<>();
    private final CompletableFuture<Status.Code> end = new CompletableFuture<>();

    static Watch of(ManagedChannel channel, String workload, int port) {
      Watch watch = new Watch();
      InboundServerPoliciesGrpc.newStub(channel).watchPort(spec(workload, port), watch);
      return watch;
    }

    Server next() throws Exception {
      Server message = messages.poll(20, TimeUnit.SECONDS);
      assertThat(message).as("a message in 20 s, ended with %s", end.getNow(null)).isNotNull();
      return message;
    }

    Status.Code end() throws Exception {
      return end.get(20, TimeUnit.SECONDS);
    }

    @Override
    public void onNext(Server message) {
      messages.add(message);
    }

    @Override
    public void onError(Throwable error) {
      end.complete(Status.fromThrowable(error).getCode());
    }

    @Override
    public void onCompleted() {
      end.complete(Status.Code.OK);
    }
  }

  /** One stream of reports. */
  private static final class Reports implements StreamObserver<EnforcementSummary> {
    private final CompletableFuture<Status.Code> end = new CompletableFuture<>();
    private final StreamObserver<EnforcementReport> out;

    Reports(ManagedChannel channel) {
      out = PolicyEnforcementGrpc.newStub(channel).report(this);
    }

    Reports say(String workload, int port) {
      out.onNext(
          EnforcementReport.newBuilder()
              .setWorkload(workload)
              .addPorts(PortEnforcement.newBuilder().setPort(port).setGeneration(1))
              .build());
      return this;
    }

    Status.Code complete() throws Exception {
      out.onCompleted();
      return end();
    }

    Status.Code end() throws Exception {
      return end.get(20, TimeUnit.SECONDS);
    }

    @Override
    public void onNext(EnforcementSummary summary) {}

    @Override
    public void onError(Throwable error) {
      end.complete(Status.fromThrowable(error).getCode());
    }

    @Override
    public void onCompleted() {
      end.complete(Status.Code.OK);
    }
  }

  private static void refused(ManagedChannel channel, String workload) throws Exception {
    assertThat(getPort(channel, workload)).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(Watch.of(channel, workload, 8080).end()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(new Reports(channel).say(workload, 8080).end())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void aNodeHasThePolicyOfThePodsThatArePlacedOnItAndReportsForThem() throws Exception {
    ManagedChannel n1 = node("n1");
    assertThat(getPort(n1, "shop:web")).isEqualTo(Status.Code.OK);
    Watch.of(n1, "shop:web", 8080).next();
    assertThat(new Reports(n1).say("shop:web", 8080).complete()).isEqualTo(Status.Code.OK);
    // Beside the proxy that a pod may have of its own.
    assertThat(getPort(as("web", "shop"), "shop:web")).isEqualTo(Status.Code.OK);
  }

  @Test
  void aNodeDoesNotSpeakForPodsOfOtherNodesOrOfNone() throws Exception {
    ManagedChannel n1 = node("n1");
    refused(n1, "shop:ledger");
    refused(n1, "shop:adrift");
    refused(node("n"), "shop:web");
    refused(node("n1-a"), "shop:web");
    refused(as("node-n1", "shop"), "shop:web");
    assertThat(getPort(n1, "shop:nobody")).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(server.ledger().portStatuses()).isEmpty();
  }

  @Test
  void aNodeDoesNotSpeakForExternalWorkloadsEvenIfTheyHaveItsName() throws Exception {
    ManagedChannel n1 = node("n1");
    refused(n1, "{\"ns\":\"shop\",\"external_workload\":\"vm\"}");
    refused(n1, "{\"ns\":\"shop\",\"external_workload\":\"posing\"}");
  }

  @Test
  void aNodeIsNoOperator() throws Exception {
    ManagedChannel n1 = node("n1");
    PolicyEnforcementGrpc.PolicyEnforcementBlockingStub asked =
        PolicyEnforcementGrpc.newBlockingStub(n1).withDeadlineAfter(10, TimeUnit.SECONDS);
    assertThat(code(() -> asked.status(EnforcementStatusRequest.getDefaultInstance())))
        .isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(
            code(
                () ->
                    asked.inspect(
                        PortInspectionRequest.newBuilder()
                            .setWorkload("shop:web")
                            .setPort(8080)
                            .build())))
        .isEqualTo(Status.Code.PERMISSION_DENIED);
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
  void theStreamsOfAPodThatMovesEndAndThoseOfItsOwnProxyGoOn() throws Exception {
    ManagedChannel n1 = node("n1");
    ManagedChannel n2 = node("n2");
    Watch ofN1 = Watch.of(n1, "shop:web", 8080);
    Watch own = Watch.of(as("web", "shop"), "shop:web", 8081);
    Watch another = Watch.of(n2, "shop:ledger", 8080);
    ofN1.next();
    own.next();
    another.next();
    Reports reports = new Reports(n1).say("shop:web", 8080).say("shop:web", 9999);
    awaitPorts(4);

    source.replace(objects("n2", "n2"));

    assertThat(ofN1.end()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(reports.end()).isEqualTo(Status.Code.PERMISSION_DENIED);
    refused(n1, "shop:web");
    Watch.of(n2, "shop:web", 8080).next();
    assertThat(new Reports(n2).say("shop:web", 8080).complete()).isEqualTo(Status.Code.OK);
    // What the node before said of a port that nobody watches is forgotten.
    assertThat(server.ledger().portStatuses())
        .extracting(status -> status.workload().name() + ":" + status.port())
        .containsExactlyInAnyOrder("ledger:8080", "web:8080", "web:8081");
    // A change still reaches those that stay.
    List<HasMetadata> changed = objects("n2", "n2");
    changed.add(ClusterObjects.server("web", "web", 8081));
    source.replace(changed);
    assertThat(own.next().getLabelsMap()).containsAllEntriesOf(Map.of("name", "web"));
    assertThat(another.end).isNotDone();
  }

  private void awaitPorts(int count) throws Exception {
    for (int i = 0; i < 2_000 && server.ledger().portStatuses().size() < count; i++) {
      Thread.sleep(10);
    }
    assertThat(server.ledger().portStatuses()).hasSize(count);
  }

  @Test
  void theStreamsOfAPodThatIsDeletedOrBecomesSomeoneElseEnd() throws Exception {
    ManagedChannel n1 = node("n1");
    Watch watch = Watch.of(n1, "shop:web", 8080);
    watch.next();
    Reports reports = new Reports(n1).say("shop:web", 9999);
    awaitPorts(2);
    List<HasMetadata> objects = objects("n1", "n2");
    ((Pod) objects.getFirst()).getSpec().setServiceAccountName("someone-else");
    source.replace(objects);
    // The port may be asked for again: it is another workload, on the same node.
    assertThat(watch.end()).isEqualTo(Status.Code.OK);
    assertThat(reports.end()).isEqualTo(Status.Code.NOT_FOUND);

    Watch next = Watch.of(n1, "shop:web", 8080);
    next.next();
    source.replace(objects.subList(1, objects.size()));
    assertThat(next.end()).isEqualTo(Status.Code.OK);
    assertThat(getPort(n1, "shop:web")).isEqualTo(Status.Code.NOT_FOUND);
  }

  @Test
  void aNodeThatHoldsAllReportStreamsOfItsPodKeepsNoOtherFromIt() throws Exception {
    ManagedChannel n1 = node("n1");
    List<Reports> held = new ArrayList<>();
    for (int port = 1; port <= 16; port++) {
      held.add(new Reports(n1).say("shop:web", port));
    }
    awaitPorts(16);
    assertThat(new Reports(n1).say("shop:web", 99).end()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(new Reports(as("web", "shop")).say("shop:web", 8080).complete())
        .isEqualTo(Status.Code.OK);
    assertThat(held).allMatch(reports -> !reports.end.isDone());
  }

  @Test
  void nodesWithNamesThatAreNoLabelsSpeakForTheirPodsOnly() throws Exception {
    source.replace(objects("ip-10-0-0-1.internal", "ip-10-0-0-2.internal"));
    ManagedChannel first = node("ip-10-0-0-1.internal");
    for (int i = 0; i < 2_000 && getPort(first, "shop:web") != Status.Code.OK; i++) {
      Thread.sleep(10);
    }
    assertThat(getPort(first, "shop:web")).isEqualTo(Status.Code.OK);
    refused(first, "shop:ledger");
  }
}
