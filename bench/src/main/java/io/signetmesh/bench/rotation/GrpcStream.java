package io.signetmesh.bench.rotation;

import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** One bidirectional stream of the demo's greeter that stays open: a line, and its answer. */
final class GrpcStream implements Client {
  /** {@code google.protobuf.StringValue} of "a", and of the answer to it. */
  private static final byte[] LINE = value("a");

  private static final byte[] ANSWER = value("You said: a");

  private static final MethodDescriptor<byte[], byte[]> CHAT =
      MethodDescriptor.<byte[], byte[]>newBuilder()
          .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
          .setFullMethodName("shop.Greeter/Chat")
          .setRequestMarshaller(new Bytes())
          .setResponseMarshaller(new Bytes())
          .build();

  private final ManagedChannel channel;
  private final BlockingClientCall<byte[], byte[]> call;

  private GrpcStream(ManagedChannel channel) {
    this.channel = channel;
    this.call = ClientCalls.blockingBidiStreamingCall(channel, CHAT, CallOptions.DEFAULT);
  }

  static GrpcStream open(InetSocketAddress server) {
    return new GrpcStream(
        Grpc.newChannelBuilderForAddress(
                server.getAddress().getHostAddress(),
                server.getPort(),
                InsecureChannelCredentials.create())
            .build());
  }

  private static byte[] value(String text) {
    byte[] bytes = new byte[2 + text.length()];
    bytes[0] = 0x0a;
    bytes[1] = (byte) text.length();
    System.arraycopy(text.getBytes(StandardCharsets.US_ASCII), 0, bytes, 2, text.length());
    return bytes;
  }

  @Override
  public void ask() throws IOException, InterruptedException {
    try {
      if (!call.write(LINE, TIMEOUT_MILLIS, TimeUnit.MILLISECONDS)) {
        throw new IOException("the stream was ended");
      }
      byte @Nullable [] answer = call.read(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
      if (!Arrays.equals(ANSWER, answer)) {
        throw new IOException(answer == null ? "the stream was ended" : "another answer");
      }
    } catch (StatusException | TimeoutException e) {
      throw new IOException(e.toString(), e);
    }
  }

  /** The greeter never ends a stream. */
  @Override
  public boolean isEnding() {
    return false;
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
