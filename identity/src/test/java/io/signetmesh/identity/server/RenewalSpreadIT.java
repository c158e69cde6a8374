package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.BindableService;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.Attestation;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.federation.FederationConfig;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.TrustBundle;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** When workloads are asked to renew. */
@Timeout(90)
final class RenewalSpreadIT {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");

  private static final int WORKLOADS = 20;

  @TempDir Path state;

  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private volatile Duration ahead = Duration.ZERO;
  private final InstantSource clock = () -> Instant.now().plus(ahead);
  private @Nullable RenewalRequests renewals;
  private ControlChannel.Address address;

  @BeforeEach
  void start() throws Exception {
    IdentityServer server =
        IdentityServer.start(
            new IdentityServer.Config(
                state,
                SERVER,
                new InetSocketAddress("127.0.0.1", 0),
                true,
                IssuancePolicy.DEFAULT,
                null,
                FederationConfig.NONE,
                ServerMeters.none(),
                context -> {
                  renewals = context.renewals();
                  return new NoExtension();
                }),
            Attestation.of(WorkloadTokens.open(state, "signet", "cluster.local", clock)),
            loops,
            event -> {},
            clock);
    open.add(server);
    address = new ControlChannel.Address("127.0.0.1", server.address().getPort());
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  @Test
  void workloadsAreAskedOneAfterTheOtherOverAQuarterOfTheWindow() throws Exception {
    List<Workload> workloads = new ArrayList<>();
    for (int i = 0; i < WORKLOADS; i++) {
      workloads.add(new Workload());
    }
    for (Workload workload : workloads) {
      workload.awaitMessages(1);
    }

    Objects.requireNonNull(renewals).ask("test", "a".repeat(64), Duration.ofHours(8));
    TimeUnit.MILLISECONDS.sleep(500);
    assertThat(asked(workloads)).isZero();
    Workload late = new Workload();
    late.awaitMessages(1);
    assertThat(late.isAsked).as("who connects later is asked at once").isTrue();

    ahead = Duration.ofHours(1);
    await(() -> asked(workloads) >= WORKLOADS / 2 - 2);
    TimeUnit.MILLISECONDS.sleep(500);
    assertThat(asked(workloads)).isBetween(WORKLOADS / 2 - 2, WORKLOADS / 2 + 2);

    ahead = Duration.ofHours(2);
    await(() -> asked(workloads) == WORKLOADS);
    TimeUnit.MILLISECONDS.sleep(500);
    assertThat(workloads).allMatch(workload -> workload.messages == 2, "asked once");

    renewals.end();
    await(() -> asked(workloads) == 0);
  }

  private static int asked(List<Workload> workloads) {
    return (int) workloads.stream().filter(workload -> workload.isAsked).count();
  }

  private static void await(java.util.function.BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** A stream. */
  private final class Workload implements StreamObserver<TrustBundle> {
    private volatile int messages;
    private volatile boolean isAsked;
    private volatile @Nullable Throwable failure;

    Workload() {
      ManagedChannel channel = ControlChannel.openCleartext(address, loops);
      open.add(channel::shutdownNow);
      TrustBundlesGrpc.newStub(channel)
          .watch(this)
          .onNext(
              TrustReport.newBuilder().setTrustedDigest(ByteString.copyFrom(new byte[32])).build());
    }

    void awaitMessages(int count) {
      await(() -> messages >= count || failure != null);
      assertThat(failure).isNull();
    }

    @Override
    public void onNext(TrustBundle bundle) {
      isAsked = bundle.hasRenewal();
      messages = messages + 1;
    }

    @Override
    public void onError(Throwable error) {
      failure = error;
    }

    @Override
    public void onCompleted() {}
  }

  private static final class NoExtension implements OperatorExtension {
    @Override
    public List<BindableService> services() {
      return List.of();
    }

    @Override
    public void start() {}

    @Override
    public void close() {}
  }
}
