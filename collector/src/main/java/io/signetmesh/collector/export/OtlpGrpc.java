package io.signetmesh.collector.export;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.RetryInfo;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
import io.opentelemetry.proto.collector.logs.v1.LogsServiceGrpc;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** OTLP over gRPC: {@code grpc://HOST:PORT} in clear text, {@code grpcs://HOST:PORT} by TLS. */
public final class OtlpGrpc implements OtlpTransport {
  /** What OTLP has clients try again; RESOURCE_EXHAUSTED only if the receiver says when. */
  private static final Set<Status.Code> TRY_AGAIN =
      EnumSet.of(
          Status.Code.CANCELLED,
          Status.Code.DEADLINE_EXCEEDED,
          Status.Code.ABORTED,
          Status.Code.OUT_OF_RANGE,
          Status.Code.UNAVAILABLE,
          Status.Code.DATA_LOSS);

  private static final int MAX_METADATA = 16 * 1024;
  private static final int MAX_WORDS = 1_000;

  private final URI endpoint;
  private final ManagedChannel channel;
  private final Channel withHeaders;

  /**
   * A receiver.
   *
   * @param endpoint with a host and a port
   * @param headers sent with each request
   * @param authorities who signs its certificate; null for those that the JDK knows
   * @throws IOException when a header cannot be sent
   */
  public OtlpGrpc(
      URI endpoint, Map<String, String> headers, @Nullable ReceiverAuthorities authorities)
      throws IOException {
    this.endpoint = endpoint;
    Metadata metadata = metadata(headers);
    NettyChannelBuilder builder =
        NettyChannelBuilder.forAddress(endpoint.getHost(), endpoint.getPort())
            .maxInboundMessageSize(OtlpEndpoint.MAX_ANSWER)
            .maxInboundMetadataSize(MAX_METADATA)
            .disableServiceConfigLookUp()
            .disableRetry();
    if (endpoint.getScheme().equals("grpc")) {
      builder.usePlaintext();
    } else {
      try {
        // The name in the certificate is the one that was asked for: gRPC's way.
        SslContextBuilder tls =
            GrpcSslContexts.configure(SslContextBuilder.forClient(), SslProvider.JDK);
        builder.sslContext(
            (authorities == null ? tls : tls.trustManager(authorities.certificates())).build());
      } catch (SSLException e) {
        throw new IOException("TLS for " + endpoint + " cannot be set up: " + e, e);
      }
    }
    this.channel = builder.build();
    this.withHeaders =
        ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(metadata));
  }

  private static Metadata metadata(Map<String, String> headers) throws IOException {
    Metadata metadata = new Metadata();
    for (Map.Entry<String, String> header : headers.entrySet()) {
      String value = header.getValue();
      try {
        if (!value.chars().allMatch(c -> c >= ' ' && c < 0x7f)) {
          throw new IllegalArgumentException("no ASCII");
        }
        metadata.put(Metadata.Key.of(header.getKey(), Metadata.ASCII_STRING_MARSHALLER), value);
      } catch (IllegalArgumentException e) {
        throw new IOException("header '" + SafeText.of(header.getKey()) + "' cannot be sent");
      }
    }
    return metadata;
  }

  @Override
  public Answer send(ExportLogsServiceRequest request) throws InterruptedException {
    // Whoever asks has waited already.
    channel.resetConnectBackoff();
    try {
      return new Answer.Taken(
          LogsServiceGrpc.newBlockingStub(withHeaders)
              .withDeadlineAfter(OtlpEndpoint.LIMIT.toMillis(), TimeUnit.MILLISECONDS)
              .export(request));
    } catch (StatusRuntimeException e) {
      if (Thread.interrupted()) {
        throw new InterruptedException("interrupted while waiting for " + endpoint);
      }
      return answer(e);
    }
  }

  private static Answer answer(StatusRuntimeException e) {
    Status status = e.getStatus();
    String why = "it answered " + status.getCode() + words(status.getDescription());
    Duration asked = retryDelay(e);
    if (status.getCause() != null
        && OtlpTransport.failed(status.getCause()) instanceof Answer.Refused refused) {
      return refused;
    }
    if (TRY_AGAIN.contains(status.getCode())
        || (status.getCode() == Status.Code.RESOURCE_EXHAUSTED && asked != null)) {
      return new Answer.Busy(why, asked == null ? Duration.ZERO : asked);
    }
    return new Answer.Refused(why);
  }

  private static String words(@Nullable String description) {
    if (description == null) {
      return "";
    }
    String safe = SafeText.of(description);
    return ": " + (safe.length() <= MAX_WORDS ? safe : safe.substring(0, MAX_WORDS) + "…");
  }

  /** When the receiver wants to be asked again; null when it does not say. */
  private static @Nullable Duration retryDelay(StatusRuntimeException e) {
    com.google.rpc.Status details = StatusProto.fromThrowable(e);
    if (details == null) {
      return null;
    }
    for (Any detail : details.getDetailsList()) {
      if (detail.is(RetryInfo.class)) {
        try {
          com.google.protobuf.Duration delay = detail.unpack(RetryInfo.class).getRetryDelay();
          long seconds = Math.clamp(delay.getSeconds(), 0, Integer.MAX_VALUE);
          return Duration.ofSeconds(seconds, Math.clamp(delay.getNanos(), 0, 999_999_999));
        } catch (InvalidProtocolBufferException malformed) {
          return null;
        }
      }
    }
    return null;
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  @Override
  public String toString() {
    return endpoint.toString();
  }
}
