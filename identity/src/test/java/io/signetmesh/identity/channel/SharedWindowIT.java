package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TestPki;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Calls of several workloads on one connection, of which some are not read. */
@Timeout(60)
final class SharedWindowIT {
  private static final String SERVER = "policy.signet.serviceaccount.identity.signet.cluster.local";

  /** More than a whole connection may carry unread by the defaults of gRPC. */
  private static final ByteString LARGE = ByteString.copyFrom(new byte[2 << 20]);

  private final TestPki pki = TestPki.create("mesh");
  private final InstantSource clock = InstantSource.system();
  private final ControlLoops loops = ControlLoops.start(2);
  private final CountDownLatch stalled = new CountDownLatch(20);
  private ControlServer server;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    Credentials own = pki.credentials(SERVER);
    server =
        ControlServer.start(
            ControlServer.Config.of(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new ControlServer.Security.MutualTls(() -> own, clock, Set.of())),
            loops,
            List.of(
                new IdentityGrpc.IdentityImplBase() {
                  @Override
                  public void certify(
                      CertifyRequest request, StreamObserver<CertifyResponse> response) {
                    response.onNext(CertifyResponse.newBuilder().setLeafCertificate(LARGE).build());
                    response.onCompleted();
                    stalled.countDown();
                  }
                }));
    Credentials client = pki.credentials("node-n1.signet.example");
    channel =
        ControlChannel.openShared(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()),
            SERVER,
            () -> client,
            clock,
            loops);
  }

  @AfterEach
  void stop() throws Exception {
    channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    server.close();
    loops.close();
  }

  @Test
  void callsThatNobodyReadsDoNotHoldBackTheOthers() throws Exception {
    List<ClientCall<CertifyRequest, CertifyResponse>> unread = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      ClientCall<CertifyRequest, CertifyResponse> call =
          channel.newCall(IdentityGrpc.getCertifyMethod(), CallOptions.DEFAULT);
      call.start(new ClientCall.Listener<>() {}, new Metadata());
      call.sendMessage(CertifyRequest.getDefaultInstance());
      call.halfClose();
      unread.add(call);
    }
    assertThat(stalled.await(20, TimeUnit.SECONDS)).isTrue();
    for (int i = 0; i < 3; i++) {
      assertThat(
              IdentityGrpc.newBlockingStub(channel)
                  .withDeadlineAfter(20, TimeUnit.SECONDS)
                  .certify(CertifyRequest.getDefaultInstance())
                  .getLeafCertificate())
          .isEqualTo(LARGE);
    }
    unread.forEach(call -> call.cancel("done", Status.CANCELLED.asRuntimeException()));
  }
}
