package io.signetmesh.collector.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Any;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsPartialSuccess;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse;
import io.opentelemetry.proto.collector.logs.v1.LogsServiceGrpc;
import io.opentelemetry.proto.logs.v1.LogRecord;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** With a real collector of OpenTelemetry, it is tested in the module {@code e2e}. */
@Timeout(60)
final class OtlpGrpcTest {
  private static final Metadata.Key<String> TENANT =
      Metadata.Key.of("x-tenant", Metadata.ASCII_STRING_MARSHALLER);

  /** Throwables, and responses. */
  private final Deque<Object> answers = new ArrayDeque<>();

  private final List<Duration> waits = new ArrayList<>();
  private final List<String> tenants = new ArrayList<>();
  private Server server;
  private int port;
  private int requests;

  @BeforeEach
  void start() throws IOException {
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(
                new LogsServiceGrpc.LogsServiceImplBase() {
                  @Override
                  public void export(
                      ExportLogsServiceRequest request,
                      StreamObserver<ExportLogsServiceResponse> answer) {
                    answer(answer);
                  }
                })
            .intercept(
                new ServerInterceptor() {
                  @Override
                  public <Q, A> ServerCall.Listener<Q> interceptCall(
                      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
                    tenants.add(headers.get(TENANT));
                    return next.startCall(call, headers);
                  }
                })
            .build()
            .start();
    port = server.getPort();
  }

  private synchronized void answer(StreamObserver<ExportLogsServiceResponse> to) {
    requests++;
    Object answer =
        answers.isEmpty() ? ExportLogsServiceResponse.getDefaultInstance() : answers.remove();
    if (answer instanceof ExportLogsServiceResponse response) {
      to.onNext(response);
      to.onCompleted();
    } else {
      to.onError((Throwable) answer);
    }
  }

  @AfterEach
  void stop() {
    server.shutdownNow();
  }

  private void deliver(Map<String, String> headers) throws IOException {
    URI uri = URI.create("grpc://127.0.0.1:" + port);
    try (OtlpEndpoint endpoint =
        new OtlpEndpoint(new OtlpGrpc(uri, headers, null), new OtlpFormat("o", "1"), waits::add)) {
      endpoint.deliver(List.of(LogRecord.getDefaultInstance()));
    }
  }

  private void deliver() throws IOException {
    deliver(Map.of());
  }

  private static Throwable busy(int seconds) {
    return StatusProto.toStatusRuntimeException(
        com.google.rpc.Status.newBuilder()
            .setCode(Status.Code.RESOURCE_EXHAUSTED.value())
            .setMessage("slow down")
            .addDetails(
                Any.pack(
                    RetryInfo.newBuilder()
                        .setRetryDelay(
                            com.google.protobuf.Duration.newBuilder().setSeconds(seconds))
                        .build()))
            .build());
  }

  @Test
  void headersAreSentAndWhatIsNoHeaderIsRefusedWithoutItsValue() throws Exception {
    deliver(Map.of("X-Tenant", "shop"));
    assertThat(tenants).containsExactly("shop");
    for (String name : List.of("x tenant", "key-bin", "")) {
      assertThatThrownBy(() -> deliver(Map.of(name, "s3cret")))
          .isInstanceOf(IOException.class)
          .hasMessage("header '" + name + "' cannot be sent");
    }
    assertThatThrownBy(() -> deliver(Map.of("key", "s3cret\u00fc")))
        .hasMessage("header 'key' cannot be sent");
    assertThat(requests).isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource(
      value = Status.Code.class,
      names = {
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNAVAILABLE",
        "DATA_LOSS"
      })
  void whatOtlpCallsRetryableIsTriedAgain(Status.Code code) throws Exception {
    answers.add(code.toStatus().asRuntimeException());
    answers.add(code.toStatus().asRuntimeException());
    deliver();
    assertThat(waits).containsExactly(Duration.ofSeconds(1), Duration.ofSeconds(2));
    assertThat(requests).isEqualTo(3);
  }

  @ParameterizedTest
  @EnumSource(
      value = Status.Code.class,
      names = {
        "INVALID_ARGUMENT",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "UNIMPLEMENTED",
        "INTERNAL",
        "RESOURCE_EXHAUSTED"
      })
  void whatIsRefusedIsNotSentAgain(Status.Code code) {
    answers.add(code.toStatus().withDescription("no\u001b").asRuntimeException());
    assertThatThrownBy(this::deliver)
        .hasMessageContaining("does not take records: it answered " + code + ": no\\u001b");
    assertThat(requests).isEqualTo(1);
    assertThat(waits).isEmpty();
  }

  @Test
  void aReceiverThatIsBusyIsAskedAgainWhenItWantsTo() throws Exception {
    answers.add(busy(7));
    answers.add(busy(99_999));
    deliver();
    assertThat(waits).containsExactly(Duration.ofSeconds(7), Duration.ofSeconds(30));
  }

  @Test
  void aReceiverThatStaysAwayEndsTheExport() {
    server.shutdownNow();
    assertThatThrownBy(this::deliver)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("after 8 attempts: it answered UNAVAILABLE");
    assertThat(waits).hasSize(7);
  }

  @Test
  void aReceiverThatTakesAPartOnlyHasNotTakenThem() {
    answers.add(
        ExportLogsServiceResponse.newBuilder()
            .setPartialSuccess(
                ExportLogsPartialSuccess.newBuilder()
                    .setRejectedLogRecords(1)
                    .setErrorMessage("too old\u001b"))
            .build());
    assertThatThrownBy(this::deliver).hasMessageContaining("rejected 1 records: too old\\u001b");
    assertThat(requests).isEqualTo(1);
  }
}
