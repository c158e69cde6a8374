package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.metrics.registry.Counter;
import io.signetmesh.proxy.metrics.registry.Histogram;
import io.signetmesh.proxy.metrics.registry.Labels;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Counts the requests of one label set. All connections with equal labels share it. Safe from any
 * thread. Resolve it when the request is routed, and keep it with the request.
 */
public final class RequestMetrics {
  private final HttpFamilies families;
  private final Labels endpoint;
  private final Counter requests;
  private volatile Response[] responses = {};
  private volatile Latency[] latencies = {};

  RequestMetrics(HttpFamilies families, Labels endpoint) {
    this.families = families;
    this.endpoint = endpoint;
    this.requests = families.requests().with(endpoint);
  }

  /** A request is sent to its endpoint. */
  public void requestStarted() {
    requests.increment();
  }

  /**
   * The first byte of a response body, or the end of a response without body, has arrived.
   *
   * @param status HTTP status
   * @param latencyNanos time since the request arrived, in nanoseconds
   */
  public void responseStarted(int status, long latencyNanos) {
    Latency[] known = latencies;
    for (Latency one : known) {
      if (one.status == status) {
        one.histogram.observe(latencyNanos);
        return;
      }
    }
    addLatency(status).observe(latencyNanos);
  }

  /**
   * A response has ended.
   *
   * @param status HTTP status
   * @param grpcStatus gRPC status code, or {@link ResponseClass#NO_GRPC_STATUS}
   */
  public void responseEnded(int status, int grpcStatus) {
    Response[] known = responses;
    for (Response one : known) {
      if (one.status == status && one.grpcStatus == grpcStatus) {
        one.counter.increment();
        return;
      }
    }
    addResponse(status, grpcStatus).increment();
  }

  /** {@link #responseStarted} and {@link #responseEnded} at once. */
  public void responded(int status, int grpcStatus, long latencyNanos) {
    responseStarted(status, latencyNanos);
    responseEnded(status, grpcStatus);
  }

  /**
   * A request or response broke off.
   *
   * @param status HTTP status of the response that had begun, or 0
   * @param error what happened
   */
  public void failed(int status, ProxyError error) {
    families.responses().with(responseLabels(status, "failure", "", error.label())).increment();
  }

  private synchronized Counter addResponse(int status, int grpcStatus) {
    Counter counter =
        families
            .responses()
            .with(
                responseLabels(
                    status,
                    ResponseClass.isSuccess(status, grpcStatus) ? "success" : "failure",
                    ResponseClass.grpcStatusLabel(grpcStatus),
                    ""));
    if (responses.length < HttpFamilies.KEPT_STATUSES) {
      responses = append(responses, new Response(status, grpcStatus, counter));
    }
    return counter;
  }

  private synchronized Histogram addLatency(int status) {
    Histogram histogram =
        families.latency().with(endpoint.and("status_code", Integer.toString(status)));
    if (latencies.length < HttpFamilies.KEPT_STATUSES) {
      latencies = append(latencies, new Latency(status, histogram));
    }
    return histogram;
  }

  private static <T extends @Nullable Object> T[] append(T[] known, T added) {
    T[] longer = Arrays.copyOf(known, known.length + 1);
    longer[known.length] = added;
    return longer;
  }

  private Labels responseLabels(
      int status, String classification, String grpcStatus, String error) {
    Labels.Builder labels = Labels.builder().add(endpoint);
    if (status != 0) {
      labels.add("status_code", Integer.toString(status));
    }
    return labels
        .add("classification", classification)
        .add("grpc_status", grpcStatus)
        .add("error", error)
        .build();
  }

  private record Response(int status, int grpcStatus, Counter counter) {}

  private record Latency(int status, Histogram histogram) {}
}
