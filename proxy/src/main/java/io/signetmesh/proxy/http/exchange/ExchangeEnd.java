package io.signetmesh.proxy.http.exchange;

import io.netty.handler.codec.http2.Http2Headers;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.metrics.RequestMetrics;
import io.signetmesh.proxy.metrics.ResponseClass;
import org.jspecify.annotations.Nullable;

/**
 * How an exchange ends: the one place where all that was counted and charged for it is settled,
 * whatever ended it. Confined to one loop.
 */
final class ExchangeEnd {
  private final long startNanos = System.nanoTime();
  private final boolean grpc;
  private @Nullable InFlight inFlight;
  private @Nullable ConnectionMemory memory;
  private long headBytes;
  private @Nullable RequestMetrics counted;
  private int status;
  private int grpcStatus = ResponseClass.NO_GRPC_STATUS;
  private boolean complete;

  /**
   * @param grpc whether responses have a gRPC status
   */
  ExchangeEnd(boolean grpc) {
    this.grpc = grpc;
  }

  /** Nanoseconds since the request came. */
  long elapsedNanos() {
    return System.nanoTime() - startNanos;
  }

  /** Counts the request as in flight, until its response begins or the exchange is over. */
  void begin(InFlight requests) {
    requests.begun();
    inFlight = requests;
  }

  /** Charges the client for the head, until the exchange is over. */
  void charge(ConnectionMemory memory, Http2Headers head) {
    this.memory = memory;
    headBytes = ConnectionMemory.heapOf(head);
    memory.addHeads(headBytes);
  }

  /** Whether the client has its share of memory in heads of requests under way. */
  boolean beyondShare() {
    ConnectionMemory charged = memory;
    return charged != null && !charged.hasRoomForHeads(0);
  }

  /** Counts the request, and what becomes of it, from here on; ends what was counted before. */
  void count(RequestMetrics metrics) {
    endCount();
    metrics.requestStarted();
    counted = metrics;
  }

  /** Counts how the request ended, once. */
  void endCount() {
    RequestMetrics metrics = counted;
    if (metrics != null) {
      counted = null;
      if (complete) {
        metrics.responseEnded(status, grpcStatus);
      } else {
        metrics.failed(status, ProxyError.IO);
      }
    }
  }

  /** The first bytes of a response have come. */
  void responseBegins() {
    InFlight requests = inFlight;
    if (requests != null) {
      inFlight = null;
      requests.answered();
    }
  }

  /** The response's head goes to the client. */
  void responseHead(Http2Headers head) {
    grpcStatus(head);
    status = statusOf(head);
    RequestMetrics metrics = counted;
    if (metrics != null) {
      metrics.responseStarted(status, elapsedNanos());
    }
  }

  /** Notes the gRPC status that a head, or trailers, may state. */
  void grpcStatus(Http2Headers from) {
    if (grpc) {
      CharSequence value = from.get(HeaderNames.GRPC_STATUS);
      if (value != null) {
        grpcStatus = ResponseClass.parseGrpcStatus(value);
      }
    }
  }

  /** The response has come to its end, or the exchange has left HTTP. */
  void markComplete() {
    complete = true;
  }

  /** The exchange is over. */
  void settle() {
    ConnectionMemory charged = memory;
    if (charged != null) {
      memory = null;
      charged.addHeads(-headBytes);
    }
    endCount();
    responseBegins();
  }

  private static int statusOf(Http2Headers head) {
    CharSequence text = head.status();
    if (text == null || text.length() != 3) {
      return 0;
    }
    return (text.charAt(0) - '0') * 100 + (text.charAt(1) - '0') * 10 + text.charAt(2) - '0';
  }
}
