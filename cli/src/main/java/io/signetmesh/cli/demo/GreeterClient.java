package io.signetmesh.cli.demo;

import com.google.protobuf.StringValue;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.signetmesh.cli.demo.service.Greeter;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A gRPC client of the greeter. */
final class GreeterClient implements AutoCloseable {
  private final ManagedChannel channel;
  private final Duration timeout;

  GreeterClient(InetSocketAddress server, Duration timeout) {
    this.channel =
        NettyChannelBuilder.forAddress(server)
            .overrideAuthority("greeter.shop")
            .usePlaintext()
            .directExecutor()
            .disableRetry()
            .build();
    this.timeout = timeout;
  }

  /** One unary call. */
  Answer greet(String name) {
    try {
      StringValue greeting =
          ClientCalls.blockingUnaryCall(
              channel,
              Greeter.GREET,
              CallOptions.DEFAULT.withDeadlineAfter(timeout.toMillis(), TimeUnit.MILLISECONDS),
              StringValue.of(name));
      return Answer.served("OK: " + greeting.getValue());
    } catch (StatusRuntimeException e) {
      return Answer.refused(text(e.getStatus()));
    }
  }

  /** One stream of some lines, each sent after the answer to the one before. */
  Answer chat(int lines) throws InterruptedException {
    Chat chat = openChat();
    for (int i = 0; i < lines; i++) {
      Answer answer = chat.say("line " + i);
      if (!answer.served()) {
        return answer;
      }
    }
    chat.finish();
    return Answer.served("OK: " + lines + " lines each way");
  }

  private static String text(Status status) {
    String description = status.getDescription();
    if (status.getCode() == Status.Code.PERMISSION_DENIED || description == null) {
      return status.getCode().name();
    }
    return description.startsWith("RST_STREAM")
        ? "stream reset"
        : status.getCode() + ": " + description;
  }

  /** Opens a stream. */
  Chat openChat() {
    return new Chat(channel, timeout);
  }

  /** A stream with both sides open. */
  static final class Chat {
    private final BlockingQueue<Answer> answers = new LinkedBlockingQueue<>();
    private final StreamObserver<StringValue> requests;
    private final Duration timeout;

    private Chat(ManagedChannel channel, Duration timeout) {
      this.timeout = timeout;
      this.requests =
          ClientCalls.asyncBidiStreamingCall(
              channel.newCall(Greeter.CHAT, CallOptions.DEFAULT),
              new StreamObserver<>() {
                @Override
                public void onNext(StringValue line) {
                  answers.add(Answer.served("OK"));
                }

                @Override
                public void onError(Throwable failure) {
                  answers.add(Answer.refused(text(Status.fromThrowable(failure))));
                }

                @Override
                public void onCompleted() {
                  answers.add(Answer.refused("stream ended"));
                }
              });
    }

    /** Sends a line and waits for the answer. */
    Answer say(String line) throws InterruptedException {
      try {
        requests.onNext(StringValue.of(line));
      } catch (IllegalStateException e) {
        // The stream has ended; the reason is in the queue.
      }
      Answer answer = answers.poll(timeout.toMillis(), TimeUnit.MILLISECONDS);
      return answer == null ? Answer.refused("no answer") : answer;
    }

    void finish() {
      requests.onCompleted();
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
