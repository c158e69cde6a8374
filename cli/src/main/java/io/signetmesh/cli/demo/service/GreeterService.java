package io.signetmesh.cli.demo.service;

import com.google.protobuf.StringValue;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;

/** gRPC: a unary and a bidirectional method. */
final class GreeterService implements AutoCloseable {
  private final Server server;

  private GreeterService(Server server) {
    this.server = server;
  }

  static GreeterService start(InetSocketAddress listen) throws IOException {
    Server server =
        NettyServerBuilder.forAddress(listen)
            .addService(
                ServerServiceDefinition.builder(Greeter.SERVICE)
                    .addMethod(Greeter.GREET, ServerCalls.asyncUnaryCall(GreeterService::greet))
                    .addMethod(
                        Greeter.CHAT, ServerCalls.asyncBidiStreamingCall(GreeterService::chat))
                    .build())
            .build()
            .start();
    return new GreeterService(server);
  }

  private static void greet(StringValue name, StreamObserver<StringValue> answer) {
    answer.onNext(StringValue.of("Hello, " + name.getValue()));
    answer.onCompleted();
  }

  private static StreamObserver<StringValue> chat(StreamObserver<StringValue> answers) {
    return new StreamObserver<>() {
      @Override
      public void onNext(StringValue line) {
        answers.onNext(StringValue.of("You said: " + line.getValue()));
      }

      @Override
      public void onError(Throwable failure) {
        // The client is gone; there is nobody to answer.
      }

      @Override
      public void onCompleted() {
        answers.onCompleted();
      }
    };
  }

  @Override
  public void close() {
    server.shutdownNow();
  }
}
