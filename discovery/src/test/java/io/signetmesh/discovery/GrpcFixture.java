package io.signetmesh.discovery;

import io.grpc.BindableService;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.signetmesh.identity.channel.Caller;
import java.io.IOException;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Serves over an in-process channel; streams are read one message at a time. */
public final class GrpcFixture implements AutoCloseable {
  private final Server server;
  private final ManagedChannel channel;

  /** Serves callers that are trusted to be whom they say they are. */
  public GrpcFixture(BindableService service) throws IOException {
    this(service, new Caller.TrustedLocal());
  }

  /** Serves one caller. */
  public GrpcFixture(BindableService service, Caller caller) throws IOException {
    String name = UUID.randomUUID().toString();
    server =
        InProcessServerBuilder.forName(name)
            .directExecutor()
            .addService(service)
            .intercept(as(caller))
            .build();
    server.start();
    channel = InProcessChannelBuilder.forName(name).directExecutor().build();
  }

  private static ServerInterceptor as(Caller caller) {
    return new ServerInterceptor() {
      @Override
      public <Q, A> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        return Contexts.interceptCall(
            Context.current().withValue(Caller.KEY, caller), call, headers, next);
      }
    };
  }

  /** Calls; nothing is read until {@link Stream#next}. */
  public <Q, A> Stream<A> call(MethodDescriptor<Q, A> method, Q request) {
    return new Client(channel).call(method, request);
  }

  /**
   * Calls over a channel.
   *
   * @param channel to be closed by whoever opened it
   */
  public record Client(Channel channel) {
    /** Calls; nothing is read until {@link Stream#next}. */
    public <Q, A> Stream<A> call(MethodDescriptor<Q, A> method, Q request) {
      ClientCall<Q, A> call = channel.newCall(method, CallOptions.DEFAULT);
      Stream<A> stream = new Stream<>(call);
      call.start(stream, new Metadata());
      call.sendMessage(request);
      call.halfClose();
      return stream;
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.shutdownNow();
  }

  /**
   * One call.
   *
   * @param <A> message
   */
  public static final class Stream<A> extends ClientCall.Listener<A> {
    private final ClientCall<?, A> call;
    private final BlockingQueue<A> messages = new LinkedBlockingQueue<>();
    private final CompletableFuture<Status> end = new CompletableFuture<>();

    private Stream(ClientCall<?, A> call) {
      this.call = call;
    }

    /** Reads one message; fails after 20 s. */
    public A next() throws Exception {
      call.request(1);
      A message = messages.poll(20, TimeUnit.SECONDS);
      if (message == null) {
        throw new AssertionError(
            "no message in 20 s" + (end.isDone() ? "; ended with " + end.get() : ""));
      }
      return message;
    }

    /** Whether the stream is silent: everything here runs on the calling thread. */
    public boolean silent() {
      return messages.isEmpty() && !end.isDone();
    }

    /** How the call ended; fails after 20 s. */
    public Status end() throws Exception {
      call.request(1);
      return end.get(20, TimeUnit.SECONDS);
    }

    /** Goes away. */
    public void cancel() {
      call.cancel("test is done", null);
    }

    @Override
    public void onMessage(A message) {
      messages.add(message);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      end.complete(status);
    }
  }
}
