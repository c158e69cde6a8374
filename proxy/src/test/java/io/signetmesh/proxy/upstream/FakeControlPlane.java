package io.signetmesh.proxy.upstream;

import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.destination.DestinationGrpc;
import io.linkerd.proxy.destination.DestinationProfile;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.outbound.OutboundPoliciesGrpc;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.TrafficSpec;
import java.io.IOException;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A control plane in this process that answers what the test says. */
final class FakeControlPlane implements AutoCloseable {
  final BlockingQueue<Call<TrafficSpec, OutboundPolicy>> policies = new LinkedBlockingQueue<>();
  final BlockingQueue<Call<GetDestination, DestinationProfile>> profiles =
      new LinkedBlockingQueue<>();
  final BlockingQueue<Call<GetDestination, Update>> destinations = new LinkedBlockingQueue<>();

  private final String name = UUID.randomUUID().toString();
  private final ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
  private @Nullable Server server;

  FakeControlPlane() throws IOException {
    start();
  }

  ManagedChannel channel() {
    return channel;
  }

  void start() throws IOException {
    server =
        InProcessServerBuilder.forName(name)
            .addService(
                new OutboundPoliciesGrpc.OutboundPoliciesImplBase() {
                  @Override
                  public void watch(TrafficSpec request, StreamObserver<OutboundPolicy> client) {
                    policies.add(new Call<>(request, client));
                  }
                })
            .addService(
                new DestinationGrpc.DestinationImplBase() {
                  @Override
                  public void get(GetDestination request, StreamObserver<Update> client) {
                    destinations.add(new Call<>(request, client));
                  }

                  @Override
                  public void getProfile(
                      GetDestination request, StreamObserver<DestinationProfile> client) {
                    profiles.add(new Call<>(request, client));
                  }
                })
            .build()
            .start();
  }

  /** Goes away; streams break. */
  void stop() throws InterruptedException {
    Server running = server;
    server = null;
    if (running != null) {
      running.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
    try {
      stop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The next call of a kind; fails after 10 s. */
  static <Q, A> Call<Q, A> next(BlockingQueue<Call<Q, A>> calls) throws InterruptedException {
    Call<Q, A> call = calls.poll(10, TimeUnit.SECONDS);
    if (call == null) {
      throw new AssertionError("no call in 10 s");
    }
    return call;
  }

  /** One stream. */
  static final class Call<Q, A> {
    private final Q request;
    private final ServerCallStreamObserver<A> client;
    private final CompletableFuture<Boolean> cancelled = new CompletableFuture<>();

    Call(Q request, StreamObserver<A> client) {
      this.request = request;
      this.client = (ServerCallStreamObserver<A>) client;
      this.client.setOnCancelHandler(() -> cancelled.complete(true));
    }

    Q request() {
      return request;
    }

    void send(A message) {
      client.onNext(message);
    }

    void end(Status.Code code) {
      client.onError(code.toStatus().withDescription("as the test says").asRuntimeException());
    }

    /** Waits until the proxy is no longer interested; fails after 10 s. */
    void awaitCancel() throws Exception {
      cancelled.get(10, TimeUnit.SECONDS);
    }

    boolean isCancelled() {
      return cancelled.isDone();
    }
  }
}
