package io.signetmesh.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.cluster.InMemorySource;
import io.signetmesh.crds.workload.ExternalWorkload;
import io.signetmesh.crds.workload.ExternalWorkloadSpec;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
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
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may ask the policy controller for what, over mutual TLS. */
final class PolicyCallersIT {
  private static final String SERVER_NAME =
      "policy.signet.serviceaccount.identity.signet.cluster.local";

  @TempDir private Path state;
  private final ControlLoops loops = ControlLoops.start(1);
  private TestMesh mesh;
  private InMemorySource source;
  private PolicyServer server;
  private @Nullable ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    mesh = new TestMesh(state);
    source =
        new InMemorySource(
            List.of(
                ClusterObjects.pod("web"),
                ClusterObjects.pod("ledger"),
                new ExternalWorkload(
                    ClusterObjects.meta("vm"),
                    new ExternalWorkloadSpec(
                        new ExternalWorkloadSpec.MeshTls(
                            "spiffe://cluster.local/ns/shop/sa/vm", "vm.shop"),
                        List.of(),
                        List.of()),
                    null)));
    Credentials own = mesh.credentials("policy", "signet");
    server =
        PolicyServer.start(
            new PolicyServer.Config(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new Security.MutualTls(() -> own, InstantSource.system(), Set.of()),
                PolicyConfig.defaults(TestMesh.CONTROL_PLANE, TestMesh.TRUST_DOMAIN)),
            source,
            List.of(),
            loops,
            AuditLog.none(),
            InstantSource.system());
  }

  @AfterEach
  void stop() {
    if (channel != null) {
      channel.shutdownNow();
    }
    server.close();
    source.close();
    loops.close();
  }

  @Test
  void aProxyGetsThePolicyOfItsOwnWorkload() throws Exception {
    connect("web", "shop");
    assertThat(getPort("shop:web")).isEqualTo(Status.Code.OK);
    assertThat(watchPort("shop:web")).isEqualTo(Status.Code.OK);
  }

  @Test
  void aProxyDoesNotGetThePolicyOfAnotherWorkload() throws Exception {
    connect("web", "shop");
    assertThat(getPort("shop:ledger")).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(watchPort("shop:ledger")).isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void aServiceAccountOfAnotherNamespaceIsSomeoneElse() throws Exception {
    connect("web", "other");
    assertThat(getPort("shop:web")).isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void anExternalWorkloadIsKnownByTheIdentityThatItStates() throws Exception {
    connect("vm", "shop");
    assertThat(getPort("{\"ns\":\"shop\",\"external_workload\":\"vm\"}")).isEqualTo(Status.Code.OK);
    connect("web", "shop");
    assertThat(getPort("{\"ns\":\"shop\",\"external_workload\":\"vm\"}"))
        .isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void aCallerWithoutCertificateIsTurnedAway() throws Exception {
    Credentials web = mesh.credentials("web", "shop");
    use(
        ControlChannel.openAnonymous(
            address(), SERVER_NAME, web::trust, InstantSource.system(), loops));
    assertThat(getPort("shop:web")).isEqualTo(Status.Code.UNAUTHENTICATED);
  }

  @Test
  void aProxyReportsForItselfOnly() throws Exception {
    connect("web", "shop");
    assertThat(report("shop:web")).isEqualTo(Status.Code.OK);
    assertThat(report("shop:ledger")).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(server.ledger().portStatuses())
        .singleElement()
        .matches(status -> status.workload().name().equals("web"));
  }

  @Test
  void theStatusIsForTheControlPlaneAlone() throws Exception {
    connect("web", "shop");
    assertThat(status()).isEqualTo(Status.Code.PERMISSION_DENIED);
    connect("operator", "signet");
    assertThat(status()).isEqualTo(Status.Code.OK);
  }

  @Test
  void aPortIsInspectedByTheControlPlaneAlone() throws Exception {
    connect("web", "shop");
    assertThat(inspect("shop:web", 8080)).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(inspect("shop:nobody", 8080)).isEqualTo(Status.Code.PERMISSION_DENIED);
    connect("operator", "signet");
    assertThat(inspect("shop:web", 8080)).isEqualTo(Status.Code.OK);
    assertThat(inspect("shop:nobody", 8080)).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(inspect("shop:web", 0)).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(inspect("?", 8080)).isEqualTo(Status.Code.INVALID_ARGUMENT);
  }

  private void connect(String serviceAccount, String namespace) throws Exception {
    Credentials credentials = mesh.credentials(serviceAccount, namespace);
    use(
        ControlChannel.open(
            address(), SERVER_NAME, () -> credentials, InstantSource.system(), loops));
  }

  private ManagedChannel channel() {
    return Objects.requireNonNull(channel);
  }

  private void use(ManagedChannel opened) {
    if (channel != null) {
      channel.shutdownNow();
    }
    channel = opened;
  }

  private ControlChannel.Address address() {
    return new ControlChannel.Address("127.0.0.1", server.address().getPort());
  }

  private Status.Code getPort(String workload) {
    return codeOf(
        () ->
            InboundServerPoliciesGrpc.newBlockingStub(channel())
                .withDeadlineAfter(10, TimeUnit.SECONDS)
                .getPort(spec(workload)));
  }

  private Status.Code watchPort(String workload) {
    return codeOf(
        () ->
            InboundServerPoliciesGrpc.newBlockingStub(channel())
                .withDeadlineAfter(10, TimeUnit.SECONDS)
                .watchPort(spec(workload))
                .next());
  }

  private Status.Code status() {
    return codeOf(
        () ->
            PolicyEnforcementGrpc.newBlockingStub(channel())
                .withDeadlineAfter(10, TimeUnit.SECONDS)
                .status(EnforcementStatusRequest.getDefaultInstance()));
  }

  private Status.Code inspect(String workload, int port) {
    return codeOf(
        () ->
            PolicyEnforcementGrpc.newBlockingStub(channel())
                .withDeadlineAfter(10, TimeUnit.SECONDS)
                .inspect(
                    PortInspectionRequest.newBuilder()
                        .setWorkload(workload)
                        .setPort(port)
                        .build()));
  }

  private Status.Code report(String workload) throws Exception {
    CompletableFuture<Status.Code> end = new CompletableFuture<>();
    StreamObserver<EnforcementReport> reports =
        PolicyEnforcementGrpc.newStub(channel())
            .report(
                new StreamObserver<EnforcementSummary>() {
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
                });
    reports.onNext(
        EnforcementReport.newBuilder()
            .setWorkload(workload)
            .addPorts(PortEnforcement.newBuilder().setPort(80).setGeneration(1))
            .build());
    reports.onCompleted();
    return end.get(10, TimeUnit.SECONDS);
  }

  private static PortSpec spec(String workload) {
    return PortSpec.newBuilder().setWorkload(workload).setPort(8080).build();
  }

  private static Status.Code codeOf(Runnable call) {
    try {
      call.run();
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }
}
