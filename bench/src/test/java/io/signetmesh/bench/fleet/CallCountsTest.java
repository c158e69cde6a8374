package io.signetmesh.bench.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.v1.TrustBundle;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class CallCountsTest {
  private final CallCounts counts = new CallCounts();

  @Test
  void certifyIsTimedWhenItIsAnsweredAndNamedWhenItFails() {
    certify().end(Status.OK);
    certify().end(Status.OK);
    certify().end(Status.UNAVAILABLE);

    assertThat(counts.certifies()).isEqualTo(3);
    assertThat(counts.micros()).hasSize(2);
    assertThat(counts.failed()).isEqualTo(1);
    assertThat(counts.failures().keySet()).containsExactly("Certify=UNAVAILABLE");
  }

  @Test
  void messagesOfTheBundleStreamCountAndItsEndIsAFailure() {
    Call<TrustReport, TrustBundle> watch =
        start(TrustBundlesGrpc.getWatchMethod(), TrustReport.getDefaultInstance());
    watch.receive(TrustBundle.getDefaultInstance());
    watch.receive(TrustBundle.getDefaultInstance());

    assertThat(counts.reports()).isEqualTo(1);
    assertThat(counts.bundles()).isEqualTo(2);
    assertThat(counts.failed()).isZero();
    watch.end(Status.OK);
    assertThat(counts.failures().keySet()).containsExactly("Watch=OK");
    assertThat(counts.micros()).isEmpty();
  }

  @Test
  void otherCallsDoNotCountAndResetForgetsAll() {
    start(
            TrustBundlesGrpc.getGetPublishedCrlMethod(),
            io.signetmesh.v1.GetPublishedCrlRequest.getDefaultInstance())
        .end(Status.UNAVAILABLE);
    assertThat(counts.failed()).isZero();

    certify().end(Status.OK);
    certify().end(Status.ABORTED);
    counts.reset();

    assertThat(counts.certifies()).isZero();
    assertThat(counts.failed()).isZero();
    assertThat(counts.failures()).isEmpty();
    assertThat(counts.micros()).isEmpty();
  }

  private Call<CertifyRequest, CertifyResponse> certify() {
    return start(IdentityGrpc.getCertifyMethod(), CertifyRequest.getDefaultInstance());
  }

  private <Q, A> Call<Q, A> start(MethodDescriptor<Q, A> method, Q request) {
    Call<Q, A> call = new Call<>();
    ClientCall<Q, A> counted =
        counts.interceptCall(
            method,
            CallOptions.DEFAULT,
            new Channel() {
              @Override
              @SuppressWarnings("unchecked") // It is asked for calls of that method only.
              public <R, B> ClientCall<R, B> newCall(
                  MethodDescriptor<R, B> of, CallOptions options) {
                return (ClientCall<R, B>) call;
              }

              @Override
              public String authority() {
                return "identity";
              }
            });
    counted.start(new ClientCall.Listener<>() {}, new Metadata());
    counted.sendMessage(request);
    return call;
  }

  /** A call of which this test is the other side. */
  private static final class Call<Q, A> extends ClientCall<Q, A> {
    private @Nullable Listener<A> listener;

    void receive(A message) {
      Objects.requireNonNull(listener).onMessage(message);
    }

    void end(Status status) {
      Objects.requireNonNull(listener).onClose(status, new Metadata());
    }

    @Override
    public void start(Listener<A> responses, Metadata headers) {
      listener = responses;
    }

    @Override
    public void request(int messages) {}

    @Override
    public void cancel(@Nullable String message, @Nullable Throwable cause) {}

    @Override
    public void halfClose() {}

    @Override
    public void sendMessage(Q message) {}
  }
}
