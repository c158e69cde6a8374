package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TestPki;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.InstantSource;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A call between two hosts, one of which vanishes: neither FIN nor RST says so. */
@Timeout(90)
class VanishedHostIT {
  private static final String SERVER = "policy.signet.serviceaccount.identity.signet.cluster.local";

  /** Answers no call. */
  private static final class Mute extends IdentityGrpc.IdentityImplBase {
    final CountDownLatch called = new CountDownLatch(1);
    final CompletableFuture<Void> cancelled = new CompletableFuture<>();

    @Override
    public void certify(CertifyRequest request, StreamObserver<CertifyResponse> answers) {
      ((ServerCallStreamObserver<CertifyResponse>) answers)
          .setOnCancelHandler(() -> cancelled.complete(null));
      called.countDown();
    }
  }

  @Test
  void bothSidesNoticeThatTheOtherHasVanished() throws Exception {
    TestPki pki = TestPki.create("mesh");
    Credentials credentials = pki.credentials(SERVER);
    Credentials client = pki.credentials("web.shop.example");
    InstantSource clock = InstantSource.system();
    Mute service = new Mute();
    try (ControlLoops loops = ControlLoops.start(1);
        ControlServer server =
            ControlServer.start(
                ControlServer.Config.of(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    new ControlServer.Security.MutualTls(() -> credentials, clock, Set.of())),
                loops,
                List.of(service));
        Wire wire = new Wire(server.address())) {
      ManagedChannel channel =
          ControlChannel.open(
              new ControlChannel.Address("127.0.0.1", wire.port()),
              SERVER,
              () -> client,
              clock,
              loops);
      CompletableFuture<Status> ended = new CompletableFuture<>();
      IdentityGrpc.newStub(channel)
          .certify(
              CertifyRequest.getDefaultInstance(),
              new StreamObserver<>() {
                @Override
                public void onNext(CertifyResponse answer) {}

                @Override
                public void onError(Throwable error) {
                  ended.complete(Status.fromThrowable(error));
                }

                @Override
                public void onCompleted() {
                  ended.complete(Status.OK);
                }
              });
      assertThat(service.called.await(20, TimeUnit.SECONDS)).isTrue();

      wire.cut();

      assertThat(ended.get(30, TimeUnit.SECONDS).getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      service.cancelled.get(30, TimeUnit.SECONDS);
      channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }
  }

  /** Carries bytes between two sockets until it is cut, which neither is told. */
  private static final class Wire implements AutoCloseable {
    private final InetSocketAddress target;
    private final ServerSocket listener = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
    private volatile boolean cut;

    Wire(InetSocketAddress target) throws IOException {
      this.target = target;
      Thread.ofVirtual().start(this::accept);
    }

    int port() {
      return listener.getLocalPort();
    }

    void cut() {
      cut = true;
    }

    private void accept() {
      try {
        while (true) {
          Socket left = listener.accept();
          if (cut) {
            // A handshake that is never answered.
            continue;
          }
          Socket right = new Socket(target.getAddress(), target.getPort());
          carry(left.getInputStream(), right.getOutputStream());
          carry(right.getInputStream(), left.getOutputStream());
        }
      } catch (IOException closed) {
        // The test is over.
      }
    }

    private void carry(InputStream from, OutputStream to) {
      Thread.ofVirtual()
          .start(
              () -> {
                byte[] bytes = new byte[4096];
                try {
                  int count;
                  while ((count = from.read(bytes)) >= 0) {
                    if (!cut) {
                      to.write(bytes, 0, count);
                    }
                  }
                } catch (IOException closed) {
                  // So is the connection.
                }
              });
    }

    @Override
    public void close() throws IOException {
      listener.close();
    }
  }
}
