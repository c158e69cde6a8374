package io.signetmesh.identity.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer;
import io.signetmesh.v1.TrustBundle;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Calls of a real client, as the meters see them. */
@Timeout(60)
class CallMetersIT {
  private static final String CERTIFY =
      "method=\"Certify\",method_type=\"UNARY\",service=\"io.linkerd.proxy.identity.Identity\"";
  private static final String WATCH =
      "method=\"Watch\",method_type=\"BIDI_STREAMING\",service=\"io.signetmesh.v1.TrustBundles\"";

  private final ControlLoops loops = ControlLoops.start(1);
  private final ServerMeters meters = ServerMeters.start("signet-test", loops::load, null);
  private ControlServer server;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    server =
        ControlServer.start(
            ControlServer.Config.of(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new ControlServer.Security.Cleartext()),
            loops,
            meters.metered(List.of(new Certifier(), new Bundles())));
    channel =
        ControlChannel.openCleartext(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()), loops);
  }

  @AfterEach
  void stop() throws Exception {
    channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    server.close();
    meters.close();
    loops.close();
  }

  @Test
  void everyMethodHasItsSeriesBeforeTheFirstCall() {
    assertThat(meters.text().lines())
        .contains(
            "grpc_server_calls_started_total{" + CERTIFY + "} 0.0",
            "grpc_server_calls_open{" + WATCH + "} 0.0",
            "grpc_server_responses_sent_messages_total{" + WATCH + "} 0.0");
  }

  @Test
  void callsAreCountedByMethodAndStatus() throws Exception {
    IdentityGrpc.IdentityBlockingStub stub = IdentityGrpc.newBlockingStub(channel);
    stub.certify(CertifyRequest.getDefaultInstance());
    assertThatThrownBy(
            () -> stub.certify(CertifyRequest.newBuilder().setIdentity("nobody").build()))
        .isInstanceOf(StatusRuntimeException.class);

    awaitLine("grpc_server_calls_open{" + CERTIFY + "} 0.0");
    awaitLine(duration(CERTIFY, "OK") + " 1");
    awaitLine(duration(CERTIFY, "FAILED_PRECONDITION") + " 1");
    assertThat(meters.text().lines())
        .contains("grpc_server_calls_started_total{" + CERTIFY + "} 2.0")
        .noneMatch(line -> line.contains("nobody"));
  }

  @Test
  void aStreamIsOpenUntilItsClientEndsItAndItsMessagesAreCounted() throws Exception {
    StreamObserver<TrustReport> reports =
        TrustBundlesGrpc.newStub(channel)
            .watch(
                new StreamObserver<>() {
                  @Override
                  public void onNext(TrustBundle bundle) {}

                  @Override
                  public void onError(Throwable error) {}

                  @Override
                  public void onCompleted() {}
                });
    awaitLine("grpc_server_calls_open{" + WATCH + "} 1.0");
    awaitLine("grpc_server_responses_sent_messages_total{" + WATCH + "} 2.0");

    reports.onError(Status.CANCELLED.asRuntimeException());
    awaitLine("grpc_server_calls_open{" + WATCH + "} 0.0");
    awaitLine(duration(WATCH, "CANCELLED") + " 1");
  }

  @Test
  void aMethodThatAClientMakesUpHasNoSeries() {
    MethodDescriptor<CertifyRequest, CertifyResponse> madeUp =
        IdentityGrpc.getCertifyMethod().toBuilder()
            .setFullMethodName("io.example.MadeUp/Chosen")
            .build();
    StatusRuntimeException refused =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () ->
                ClientCalls.blockingUnaryCall(
                    channel, madeUp, CallOptions.DEFAULT, CertifyRequest.getDefaultInstance()));

    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNIMPLEMENTED);
    assertThat(meters.text()).doesNotContain("MadeUp", "Chosen");
  }

  private static String duration(String method, String status) {
    return "grpc_server_processing_duration_seconds_count{"
        + method
        + ",status_code=\""
        + status
        + "\"}";
  }

  private void awaitLine(String line) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (meters.text().lines().noneMatch(line::equals) && System.nanoTime() < end) {
      TimeUnit.MILLISECONDS.sleep(20);
    }
    assertThat(meters.text().lines()).contains(line);
  }

  private static final class Certifier extends IdentityGrpc.IdentityImplBase {
    @Override
    public void certify(CertifyRequest request, StreamObserver<CertifyResponse> response) {
      if (!request.getIdentity().isEmpty()) {
        response.onError(Status.FAILED_PRECONDITION.asRuntimeException());
        return;
      }
      response.onNext(CertifyResponse.getDefaultInstance());
      response.onCompleted();
    }
  }

  private static final class Bundles extends TrustBundlesGrpc.TrustBundlesImplBase {
    @Override
    public StreamObserver<TrustReport> watch(StreamObserver<TrustBundle> response) {
      response.onNext(TrustBundle.getDefaultInstance());
      response.onNext(TrustBundle.getDefaultInstance());
      return new StreamObserver<>() {
        @Override
        public void onNext(TrustReport report) {}

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onCompleted() {}
      };
    }
  }
}
