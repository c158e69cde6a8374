package io.signetmesh.collector.export;

import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse;
import java.security.cert.CertificateException;
import java.time.Duration;
import javax.net.ssl.SSLHandshakeException;

/** Takes requests to a receiver, once each. As a text it is the receiver's address. */
public sealed interface OtlpTransport extends AutoCloseable permits OtlpGrpc, OtlpHttp {
  /** What became of a request. */
  sealed interface Answer {
    /** The receiver has it, or a part of it. */
    record Taken(ExportLogsServiceResponse response) implements Answer {}

    /**
     * The receiver is away or busy: it is to be asked again.
     *
     * @param asked how long it wants to be left alone; zero when it says nothing
     */
    record Busy(String why, Duration asked) implements Answer {}

    /** It does not want it: asking again does not help. */
    record Refused(String why) implements Answer {}
  }

  /** Sends a request, and waits for the answer for at most {@link OtlpEndpoint#LIMIT}. */
  Answer send(ExportLogsServiceRequest request) throws InterruptedException;

  @Override
  void close();

  /** A connection has failed: whoever is not who was asked for is not asked again. */
  static Answer failed(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException || cause instanceof SSLHandshakeException) {
        return new Answer.Refused("its TLS is not good: " + SafeText.of(cause.toString()));
      }
    }
    return new Answer.Busy(SafeText.of(failure.toString()), Duration.ZERO);
  }
}
