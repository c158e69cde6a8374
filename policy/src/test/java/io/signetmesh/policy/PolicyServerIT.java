package io.signetmesh.policy;

import static io.signetmesh.policy.ClusterObjects.allow;
import static io.signetmesh.policy.ClusterObjects.identities;
import static io.signetmesh.policy.ClusterObjects.meshTls;
import static io.signetmesh.policy.ClusterObjects.pod;
import static io.signetmesh.policy.ClusterObjects.server;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.cluster.InMemorySource;
import io.signetmesh.crds.egress.EgressNetwork;
import io.signetmesh.crds.egress.EgressNetworkSpec;
import io.signetmesh.crds.egress.TrafficPolicy;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.EnforcementStatusRequest;
import io.signetmesh.v1.EnforcementSummary;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import io.signetmesh.v1.PortEnforcement;
import io.signetmesh.v1.PortStatus;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The policy controller over real gRPC, in the clear on loopback. */
final class PolicyServerIT {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final String WEB = "{\"ns\":\"shop\",\"pod\":\"web\"}";

  private final ControlLoops loops = ControlLoops.start(1);
  private final BlockingQueue<AuditEvent> audit = new LinkedBlockingQueue<>();
  private final List<HasMetadata> base =
      List.of(
          pod("web"),
          pod("ledger"),
          server("web", "web", 8080),
          server("ledger", "ledger", 8080),
          identities("front", "front.shop.serviceaccount.identity.signet.cluster.local"),
          allow("web-front", "web", meshTls("front")));
  private InMemorySource source;
  private PolicyServer server;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    source = new InMemorySource(base);
    server =
        PolicyServer.start(
            new PolicyServer.Config(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new Security.Cleartext(),
                PolicyConfig.defaults("signet", "cluster.local")),
            source,
            List.of(),
            loops,
            audit::add,
            InstantSource.system());
    channel =
        ControlChannel.openCleartext(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()), loops);
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    server.close();
    source.close();
    loops.close();
  }

  @Test
  void aStreamStartsWithThePresentStateAndGoesOnWithEachThatDiffers() throws Exception {
    Watch watch = watch(WEB, 8080, true);
    Server first = watch.next();
    assertThat(first.getLabelsMap())
        .containsEntry("group", "policy.linkerd.io")
        .containsEntry("kind", "server")
        .containsEntry("name", "web");
    assertThat(first.getAuthorizationsList()).hasSize(1);
    assertThat(first.getSignetGeneration()).isPositive();

    source.replace(ClusterObjects.with(base, allow("web-all", "web")));
    Server second = watch.next();
    assertThat(second.getAuthorizationsList()).hasSize(2);
    assertThat(second.getSignetGeneration()).isGreaterThan(first.getSignetGeneration());
  }

  @Test
  void aChangeElsewhereSendsNothing() throws Exception {
    Watch web = watch(WEB, 8080, true);
    Watch ledger = watch("shop:ledger", 8080, true);
    web.next();
    Server before = ledger.next();

    source.replace(ClusterObjects.with(base, allow("web-all", "web")));
    web.next();
    source.replace(
        ClusterObjects.with(base, allow("web-all", "web"), allow("ledger-all", "ledger")));
    Server after = ledger.next();

    // The change in between gave the view a generation that the ledger never saw.
    assertThat(after.getSignetGeneration()).isEqualTo(before.getSignetGeneration() + 2);
    assertThat(after.getAuthorizationsList()).hasSize(1);
    assertThat(web.messages).isEmpty();
  }

  @Test
  void aProxyThatDoesNotKnowGenerationsGetsNone() throws Exception {
    assertThat(watch(WEB, 8080, false).next().getSignetGeneration()).isZero();
    assertThat(stub().getPort(spec(WEB, 8080, false)).getSignetGeneration()).isZero();
    assertThat(stub().getPort(spec(WEB, 8080, true)).getSignetGeneration()).isPositive();
  }

  @Test
  void aPortWithoutServerHasTheDefaultPolicy() {
    Server policy = stub().getPort(spec(WEB, 7777, false));
    assertThat(policy.getLabelsMap())
        .containsEntry("group", "")
        .containsEntry("kind", "default")
        .containsEntry("name", "deny");
    assertThat(policy.getAuthorizationsList()).isEmpty();
  }

  @Test
  void whatCannotBeReadIsRefused() {
    assertStatus(spec("shop", 8080, true), Status.Code.INVALID_ARGUMENT, "shop");
    assertStatus(spec("{\"pod\":\"web\"}", 8080, true), Status.Code.INVALID_ARGUMENT, "\"ns\"");
    assertStatus(spec(WEB, 0, true), Status.Code.INVALID_ARGUMENT, "port 0");
    assertStatus(spec(WEB, 65_536, true), Status.Code.INVALID_ARGUMENT, "port 65536");
    assertStatus(spec(WEB, -1, true), Status.Code.INVALID_ARGUMENT, "port 4294967295");
  }

  @Test
  void anUnknownWorkloadIsNotFound() {
    assertStatus(spec("shop:nobody", 8080, true), Status.Code.NOT_FOUND, "Pod shop/nobody");
    assertStatus(
        spec("{\"ns\":\"shop\",\"external_workload\":\"web\"}", 8080, true),
        Status.Code.NOT_FOUND,
        "ExternalWorkload shop/web");
  }

  /** As with Linkerd's controller, which reads no other pods. */
  @Test
  void aPodWithoutTheLabelOfTheControlPlaneIsNotFound() {
    Pod unlabelled = pod("web");
    unlabelled.getMetadata().setLabels(Map.of("app", "web"));
    List<HasMetadata> objects = new ArrayList<>(base);
    objects.set(0, unlabelled);
    source.replace(objects);
    await(
        () -> {
          try {
            stub().getPort(spec(WEB, 8080, true));
            return false;
          } catch (StatusRuntimeException e) {
            return true;
          }
        });
    assertStatus(spec(WEB, 8080, true), Status.Code.NOT_FOUND, "Pod shop/web");
  }

  @Test
  void aDenialThatIsNotEnforcedIsAnErrorOfTheStatus() throws Exception {
    source.replace(
        ClusterObjects.with(
            base,
            new EgressNetwork(
                ClusterObjects.meta("all"), new EgressNetworkSpec(TrafficPolicy.DENY, null))));
    await(() -> status("shop").getPolicyErrors() == 1);
    assertThat(status("shop").getFindingsList())
        .singleElement()
        .asString()
        .contains("error: EgressNetwork shop/all: trafficPolicy Deny")
        .endsWith("(not-in-force)");
    assertThat(status("elsewhere").getPolicyErrors()).isZero();
  }

  private EnforcementStatus status(String namespace) {
    return PolicyEnforcementGrpc.newBlockingStub(channel)
        .status(EnforcementStatusRequest.newBuilder().setNamespace(namespace).build());
  }

  @Test
  void aStreamEndsWhenTheWorkloadIsGone() throws Exception {
    Watch watch = watch(WEB, 8080, true);
    watch.next();
    source.replace(base.subList(1, base.size()));
    assertThat(watch.end()).isEqualTo(Status.Code.OK);
    await(() -> server.ledger().portStatuses().isEmpty());
  }

  @Test
  void acknowledgementsAreCollected() throws Exception {
    Watch watch = watch(WEB, 8080, true);
    long generation = watch.next().getSignetGeneration();
    assertThat(server.enforcement().behind()).hasSize(1);

    StreamObserver<EnforcementReport> reports = reports(new LinkedBlockingQueue<>());
    reports.onNext(report(WEB, 8080, generation, ""));
    await(() -> server.enforcement().inForce() == 1);
    assertThat(server.enforcement().toString())
        .isEqualTo("1 of 1 ports enforce generation " + generation);

    source.replace(ClusterObjects.with(base, allow("web-all", "web")));
    long next = watch.next().getSignetGeneration();
    assertThat(server.enforcement().behind())
        .singleElement()
        .hasToString(
            "Pod shop/web port 8080: enforces generation " + generation + ", newest is " + next);
    reports.onNext(report(WEB, 8080, next, "no such thing"));
    await(() -> server.enforcement().behind().toString().contains("no such thing"));
    reports.onNext(report(WEB, 8080, next, ""));
    await(() -> server.enforcement().behind().isEmpty());

    PortStatus status =
        PolicyEnforcementGrpc.newBlockingStub(channel)
            .status(EnforcementStatusRequest.newBuilder().setNamespace("shop").build())
            .getPorts(0);
    assertThat(status.getName()).isEqualTo("web");
    assertThat(status.getKind()).isEqualTo("pod");
    assertThat(status.getServer()).isEqualTo("policy.linkerd.io/server/web");
    assertThat(status.getGeneration()).isEqualTo(next);
    assertThat(status.getAcknowledgedGeneration()).isEqualTo(next);
    assertThat(status.getInForce()).isTrue();

    watch.context.cancel(null);
    await(() -> server.enforcement().total() == 0);
    assertThat(server.ledger().portStatuses()).singleElement().matches(s -> !s.connected());
  }

  @Test
  void aReportForAnUnknownWorkloadIsRefused() throws Exception {
    BlockingQueue<Status.Code> ends = new LinkedBlockingQueue<>();
    reports(ends).onNext(report("shop:nobody", 8080, 1, ""));
    assertThat(ends.poll(10, TimeUnit.SECONDS)).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(server.ledger().portStatuses()).isEmpty();
  }

  @Test
  void theStreamsOfReportsOfOneWorkloadAreBounded() throws Exception {
    BlockingQueue<Status.Code> ends = new LinkedBlockingQueue<>();
    List<StreamObserver<EnforcementReport>> open = new ArrayList<>();
    for (int i = 0; i < 17; i++) {
      StreamObserver<EnforcementReport> reports = reports(ends);
      reports.onNext(report(WEB, 8080, 1, ""));
      open.add(reports);
    }
    assertThat(ends.poll(10, TimeUnit.SECONDS)).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    open.forEach(StreamObserver::onCompleted);
    for (int i = 0; i < 16; i++) {
      assertThat(ends.poll(10, TimeUnit.SECONDS)).isEqualTo(Status.Code.OK);
    }
    StreamObserver<EnforcementReport> again = reports(ends);
    again.onNext(report(WEB, 8080, 1, ""));
    again.onCompleted();
    assertThat(ends.poll(10, TimeUnit.SECONDS)).isEqualTo(Status.Code.OK);
  }

  @Test
  void eachAppliedChangeIsOnRecord() throws Exception {
    AdministrativeEvent start = (AdministrativeEvent) audit.poll(10, TimeUnit.SECONDS);
    assertThat(start.act()).isEqualTo("policy-applied");
    assertThat(start.attributes()).containsEntry("ports", "0");

    source.replace(ClusterObjects.with(base, allow("typo", "wbe")));
    AdministrativeEvent change = (AdministrativeEvent) audit.poll(10, TimeUnit.SECONDS);
    assertThat(change.attributes())
        .containsEntry("objects", "AuthorizationPolicy shop/typo")
        .containsEntry("ports", "0")
        .containsEntry("generation", Long.toString(server.index().generation()));
    AdministrativeEvent findings = (AdministrativeEvent) audit.poll(10, TimeUnit.SECONDS);
    assertThat(findings.act()).isEqualTo("policy-findings");
    assertThat(findings.attributes()).containsEntry("errors", "1");
    assertThat(findings.attributes().get("findings")).contains("shop/typo").contains("wbe");
  }

  @Test
  void aClientThatDoesNotReadIsSparedTheStatesInBetween() throws Exception {
    int edits = 60;
    BlockingQueue<Server> messages = new LinkedBlockingQueue<>();
    CompletableFuture<ClientCallStreamObserver<PortSpec>> call = new CompletableFuture<>();
    InboundServerPoliciesGrpc.newStub(channel)
        .watchPort(
            spec(WEB, 8080, true),
            new ClientResponseObserver<PortSpec, Server>() {
              @Override
              public void beforeStart(ClientCallStreamObserver<PortSpec> stream) {
                stream.disableAutoRequestWithInitial(1);
                call.complete(stream);
              }

              @Override
              public void onNext(Server message) {
                messages.add(message);
              }

              @Override
              public void onError(Throwable error) {}

              @Override
              public void onCompleted() {}
            });
    long first = messages.poll(10, TimeUnit.SECONDS).getSignetGeneration();

    // Each state is over 100 KiB, all together many times what the transport holds back.
    for (int edit = 0; edit < edits; edit++) {
      String prefix = "edit" + edit + "-";
      source.replace(
          ClusterObjects.with(
              base.subList(0, 4),
              identities(
                  "front",
                  IntStream.range(0, 2_000)
                      .mapToObj(i -> prefix + i + ".shop.serviceaccount.identity.signet.local")
                      .toArray(String[]::new)),
              allow("web-front", "web", meshTls("front"))));
    }
    long last = first + edits;
    await(() -> server.index().generation() == last);
    call.get(10, TimeUnit.SECONDS).request(2 * edits);
    int taken = 0;
    Server newest;
    do {
      newest = messages.poll(10, TimeUnit.SECONDS);
      assertThat(newest).as("state after %s others", taken).isNotNull();
      taken++;
    } while (newest.getSignetGeneration() != last);
    assertThat(taken).isLessThan(edits / 2);
  }

  @Test
  void closingEndsStreamsWithOk() throws Exception {
    Watch watch = watch(WEB, 8080, true);
    watch.next();
    server.close();
    assertThat(watch.end()).isEqualTo(Status.Code.OK);
  }

  private void assertStatus(PortSpec spec, Status.Code code, String text) {
    assertThatThrownBy(() -> stub().getPort(spec))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class, e -> assertThat(e.getStatus().getCode()).isEqualTo(code))
        .hasMessageContaining(text);
    Watch watch = new Watch();
    watch.start(spec);
    assertThat(watch.end()).isEqualTo(code);
  }

  private InboundServerPoliciesGrpc.InboundServerPoliciesBlockingStub stub() {
    return InboundServerPoliciesGrpc.newBlockingStub(channel);
  }

  private Watch watch(String workload, int port, boolean generations) {
    Watch watch = new Watch();
    watch.start(spec(workload, port, generations));
    return watch;
  }

  private StreamObserver<EnforcementReport> reports(BlockingQueue<Status.Code> ends) {
    return PolicyEnforcementGrpc.newStub(channel)
        .report(
            new StreamObserver<EnforcementSummary>() {
              @Override
              public void onNext(EnforcementSummary summary) {}

              @Override
              public void onError(Throwable error) {
                ends.add(Status.fromThrowable(error).getCode());
              }

              @Override
              public void onCompleted() {
                ends.add(Status.Code.OK);
              }
            });
  }

  private static EnforcementReport report(
      String workload, int port, long generation, String refusal) {
    return EnforcementReport.newBuilder()
        .setWorkload(workload)
        .addPorts(
            PortEnforcement.newBuilder()
                .setPort(port)
                .setGeneration(generation)
                .setRefusal(refusal))
        .build();
  }

  private static PortSpec spec(String workload, int port, boolean generations) {
    PortSpec.Builder spec = PortSpec.newBuilder().setWorkload(workload).setPort(port);
    if (generations) {
      spec.addSignetFeatures("generation");
    }
    return spec.build();
  }

  private static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("deadline").isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private final class Watch implements StreamObserver<Server> {
    final BlockingQueue<Server> messages = new LinkedBlockingQueue<>();
    final BlockingQueue<Status.Code> ends = new LinkedBlockingQueue<>();
    final Context.CancellableContext context = Context.current().withCancellation();

    void start(PortSpec spec) {
      context.run(() -> InboundServerPoliciesGrpc.newStub(channel).watchPort(spec, this));
    }

    Server next() throws InterruptedException {
      Server message = messages.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      assertThat(message).as("next state").isNotNull();
      return message;
    }

    Status.Code end() {
      try {
        return ends.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void onNext(Server message) {
      messages.add(message);
    }

    @Override
    public void onError(Throwable error) {
      ends.add(Status.fromThrowable(error).getCode());
    }

    @Override
    public void onCompleted() {
      ends.add(Status.Code.OK);
    }
  }
}
