package io.signetmesh.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class SharedChannelTest {
  private final List<ManagedChannel> opened = new ArrayList<>();
  private final SharedChannel shared = new SharedChannel(this::open);
  private final AtomicInteger served = new AtomicInteger();
  private Server server;

  private ManagedChannel open() {
    ManagedChannel channel = InProcessChannelBuilder.forName("shared").directExecutor().build();
    opened.add(channel);
    return channel;
  }

  @BeforeEach
  void start() throws Exception {
    server =
        InProcessServerBuilder.forName("shared")
            .directExecutor()
            .addService(
                new InboundServerPoliciesGrpc.InboundServerPoliciesImplBase() {
                  @Override
                  public void watchPort(
                      PortSpec request, StreamObserver<io.linkerd.proxy.inbound.Server> response) {
                    served.incrementAndGet();
                    response.onNext(io.linkerd.proxy.inbound.Server.getDefaultInstance());
                  }
                })
            .build()
            .start();
  }

  @AfterEach
  void stop() {
    shared.close();
    server.shutdownNow();
  }

  /** A stream that stays open. */
  private static final class Stream extends ClientCall.Listener<io.linkerd.proxy.inbound.Server> {
    private final CompletableFuture<Status> end = new CompletableFuture<>();
    private final ClientCall<PortSpec, io.linkerd.proxy.inbound.Server> call;

    Stream(Channel channel) {
      call = channel.newCall(InboundServerPoliciesGrpc.getWatchPortMethod(), CallOptions.DEFAULT);
      call.start(this, new Metadata());
      call.sendMessage(PortSpec.getDefaultInstance());
      call.halfClose();
      call.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      end.complete(status);
    }

    void cancel() throws Exception {
      call.cancel("done", null);
      end.get(10, TimeUnit.SECONDS);
    }
  }

  private static List<Stream> streams(Channel channel, int count) {
    List<Stream> streams = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      streams.add(new Stream(channel));
    }
    return streams;
  }

  @Test
  void workloadsShareOneConnection() throws Exception {
    for (int i = 0; i < 100; i++) {
      new Stream(shared.view("shop/" + i, Runnable::run));
    }
    assertThat(served).hasValue(100);
    assertThat(opened).hasSize(1);
  }

  @Test
  void aWorkloadThatOpensTooManyCallsIsRefusedAndItsNeighboursAreNot() throws Exception {
    Channel greedy = shared.view("shop/greedy", Runnable::run);
    List<Stream> streams = streams(greedy, SharedChannel.CALLS_PER_WORKLOAD);
    Stream more = new Stream(greedy);
    Status refusal = more.end.get(10, TimeUnit.SECONDS);
    assertThat(refusal.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(refusal.getDescription()).contains("shop/greedy", "4096");
    assertThat(new Stream(shared.view("shop/web", Runnable::run)).end).isNotDone();
    assertThat(streams).noneMatch(stream -> stream.end.isDone());
    streams.getFirst().cancel();
    assertThat(new Stream(greedy).end).isNotDone();
  }

  @Test
  void anotherConnectionIsMadeBeforeCallsWouldWaitAndEndsWithItsLastCall() throws Exception {
    streams(shared.view("shop/a", Runnable::run), 4_000);
    streams(shared.view("shop/b", Runnable::run), 4_000);
    assertThat(shared.connections()).isEqualTo(1);
    List<Stream> more = streams(shared.view("shop/c", Runnable::run), 3);
    assertThat(shared.connections()).isEqualTo(2);
    for (Stream stream : more) {
      stream.cancel();
    }
    assertThat(shared.connections()).isEqualTo(1);
    assertThat(opened.getLast().isShutdown()).isTrue();
    assertThat(opened.getFirst().isShutdown()).isFalse();
  }

  @Test
  void callbacksRunOnTheThreadOfTheWorkload() throws Exception {
    AtomicReference<Runnable> first = new AtomicReference<>();
    Channel slow = shared.view("shop/slow", task -> first.compareAndSet(null, task));
    Stream stalled = new Stream(slow);
    assertThat(first.get()).as("its callbacks wait").isNotNull();
    Stream other = new Stream(shared.view("shop/web", Runnable::run));
    other.cancel();
    assertThat(stalled.end).isNotDone();
  }

  @Test
  void aCallThatIsNeverBegunGivesItsRoomBack() throws Exception {
    Channel web = shared.view("shop/web", Runnable::run);
    for (int i = 0; i < 2 * SharedChannel.CALLS_PER_WORKLOAD; i++) {
      web.newCall(InboundServerPoliciesGrpc.getWatchPortMethod(), CallOptions.DEFAULT)
          .cancel("not needed", null);
    }
    assertThat(new Stream(web).end).isNotDone();
    assertThat(shared.connections()).isEqualTo(1);
  }

  @Test
  void theCallsOfAWorkloadEndWithItsProxyAndNoOthers() throws Exception {
    SharedChannel.View web = shared.view("shop/web", Runnable::run);
    Stream open = new Stream(web);
    Stream neighbour = new Stream(shared.view("shop/api", Runnable::run));
    web.close();
    assertThat(open.end.get(10, TimeUnit.SECONDS).getCode()).isEqualTo(Status.Code.CANCELLED);
    assertThat(new Stream(web).end.get(10, TimeUnit.SECONDS).getCode())
        .isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(neighbour.end).isNotDone();
  }

  @Test
  void afterItIsClosedCallsAreRefused() throws Exception {
    Channel web = shared.view("shop/web", Runnable::run);
    Stream open = new Stream(web);
    shared.close();
    assertThat(open.end.get(10, TimeUnit.SECONDS).isOk()).isFalse();
    assertThat(new Stream(web).end.get(10, TimeUnit.SECONDS).isOk()).isFalse();
  }
}
