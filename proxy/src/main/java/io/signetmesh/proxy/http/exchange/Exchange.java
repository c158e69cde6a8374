package io.signetmesh.proxy.http.exchange;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.RequestMetrics;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * One request and its response on their way through the proxy. The server connection feeds in
 * request events, and the upstream connection feeds in response events. Each side is told to stop
 * reading while the other side is slow. Confined to one loop.
 *
 * <p>Until there is an upstream stream, request bytes wait here. Reading is stopped meanwhile, so
 * there are never more of them than one read or one HTTP/2 window.
 *
 * <p>Longer than 500 lines: it is the contract between the two sides, so that the events of both,
 * and what each of them does to the other, stand in one place. How a response has to be framed,
 * what the proxy answers itself and what is settled at the end are in {@link ResponseFraming},
 * {@link ProxyAnswer} and {@link ExchangeEnd}.
 */
public abstract class Exchange {
  private static final int MAX_RETRIES = 2;

  private final ServerStream server;
  private final Http2Headers request;
  private final boolean grpc;
  private final boolean http10;
  private final ExchangeEnd end;
  private final ResponseFraming response = new ResponseFraming();
  private boolean absoluteForm;
  private @Nullable ClientStream client;
  private @Nullable ArrayDeque<Object> waiting;
  private boolean requestEnded;
  private boolean headSent;
  private boolean unsent;
  private boolean bodySent;
  private boolean responseComplete;
  private boolean done;
  private boolean tunnel;
  private long bodyBytes;
  private boolean bodyHeld;
  private int attempts;

  /**
   * @param server where the response goes
   * @param request request head with pseudo-headers; owned by the exchange from here on
   * @param requestEnded whether the request has neither body nor trailers
   */
  protected Exchange(ServerStream server, Http2Headers request, boolean requestEnded) {
    this.server = server;
    this.request = request;
    this.requestEnded = requestEnded;
    this.absoluteForm = request.getAndRemove(OriginalForm.NAME) != null;
    this.http10 = request.getAndRemove(OriginalForm.VERSION) != null;
    this.grpc = server.multiplexed() && HeaderNames.isGrpc(request);
    this.end = new ExchangeEnd(grpc);
  }

  /**
   * Counts the request as in flight and charges its client for the head, until the exchange is
   * over.
   *
   * @param memory of the client's connection; null where none is kept
   */
  public final void begin(InFlight inFlight, @Nullable ConnectionMemory memory) {
    end.begin(inFlight);
    if (memory != null) {
      end.charge(memory, request);
    }
  }

  /** Whether the heads of the client's requests in flight exceed its share of memory; then 503. */
  public final boolean beyondShare() {
    return end.beyondShare();
  }

  /** Bytes of the request that wait to be sent, here and in the upstream connection. */
  public final long heldBytes() {
    long bytes = 0;
    ArrayDeque<Object> queued = waiting;
    if (queued != null) {
      for (Object part : queued) {
        if (part instanceof ByteBuf data) {
          bytes += data.capacity();
        }
      }
    }
    ClientStream upstream = client;
    return upstream == null ? bytes : bytes + upstream.heldBytes();
  }

  /** Bytes of the body received so far. */
  public final long bodyBytes() {
    return bodyBytes;
  }

  /** Whether reading the body is stopped because the upstream is slow. */
  public final boolean bodyHeld() {
    return bodyHeld || client == null;
  }

  /** The request head. */
  public final Http2Headers request() {
    return request;
  }

  /** Whether it is a gRPC call. */
  protected final boolean grpc() {
    return grpc;
  }

  /** Whether the whole request has been received. */
  public final boolean requestEnded() {
    return requestEnded;
  }

  /** Whether the request is its head only: no body waits and none will come. */
  public final boolean endsWithHead() {
    return requestEnded && waiting == null;
  }

  /** Whether the request was HTTP/1.0. */
  protected final boolean http10() {
    return http10;
  }

  /** Whether the target of the request is an absolute URI (RFC 9112 3.2.2). */
  public final boolean absoluteForm() {
    return absoluteForm;
  }

  /** Notes that the request was in absolute form when it came to the first proxy. */
  protected final void setAbsoluteForm() {
    absoluteForm = true;
  }

  /** Whether an earlier attempt failed. */
  public final boolean retried() {
    return attempts > 0;
  }

  /**
   * Checks the policy in force after a wait, before anything is sent upstream. Returns false when
   * the exchange has been ended or is sent elsewhere.
   */
  public boolean mayBeSent() {
    return !done;
  }

  /** Whether the request or a part of it has been sent upstream. */
  public final boolean sent() {
    return client != null || bodySent || response.started();
  }

  /** The client that the request comes from. */
  public abstract ClientAccount account();

  /** Whether a retry may meet another peer than the one that could not be reached. */
  protected abstract boolean otherUpstreams();

  /** Whether the exchange has left HTTP and goes on as bytes. */
  protected final boolean tunnel() {
    return tunnel;
  }

  /** Whether the exchange is over. */
  public final boolean done() {
    return done;
  }

  /** Where the response goes. */
  protected final ServerStream server() {
    return server;
  }

  /** Whether synthesized responses tell the client what went wrong in headers. */
  protected abstract boolean informationalHeaders();

  /**
   * Looks at and changes the upstream's response head before it goes to the client: what the peer's
   * proxy says to this one ends here, and an application says nothing in its place.
   */
  protected abstract void onResponseHead(Http2Headers head);

  /** Looks at and changes the trailers of the request before they are sent. */
  protected void onRequestTrailers(Http2Headers trailers) {}

  /** The proxy answers in place of the upstream. */
  protected abstract void onFailure(Failure failure);

  /** Called once when the exchange is over, however it ended; see {@link #responseComplete}. */
  protected abstract void onDone();

  /** Whether the whole response has been received from the upstream. */
  public final boolean responseComplete() {
    return responseComplete;
  }

  /**
   * Called when the exchange leaves HTTP.
   *
   * @param into what it goes on as, in words for people
   */
  protected abstract void onTunnel(String into);

  /** Sends the request again over another connection; only called when that is safe. */
  protected abstract void retry();

  /** No connection to the upstream could be made for this exchange. */
  protected abstract void onDialFailed();

  /**
   * Whether a response is that of a peer's proxy, which says that it has sent nothing of the
   * request to its application.
   */
  protected boolean isUnsent(Http2Headers response) {
    return false;
  }

  /** Called for a response for which {@link #isUnsent} is true, whatever becomes of it. */
  protected void onUnsent() {}

  // ---- counting

  /** Nanoseconds since the request came. */
  protected final long elapsedNanos() {
    return end.elapsedNanos();
  }

  /** Counts the request, and what becomes of it, from here on; ends what was counted before. */
  protected final void count(RequestMetrics metrics) {
    end.count(metrics);
  }

  /** Counts how the request ended, once. */
  protected final void endCount() {
    end.endCount();
  }

  // ---- from the server connection

  /** Request body; see {@link ClientStream#data} for the result. */
  public final boolean requestData(ByteBuf data, boolean end) {
    requestEnded |= end;
    bodyBytes += data.readableBytes();
    ClientStream upstream = client;
    if (done) {
      data.release();
      return true;
    }
    if (upstream != null) {
      bodySent = true;
      boolean more = upstream.data(data, end);
      bodyHeld |= !more;
      return more;
    }
    enqueue(data);
    bodyHeld = true;
    return false;
  }

  /** Request trailers, which end the request. */
  public final void requestTrailers(Http2Headers trailers) {
    requestEnded = true;
    ClientStream upstream = client;
    if (done) {
      return;
    }
    Trailers.filter(trailers);
    if (upstream == null) {
      enqueue(trailers.isEmpty() ? Unpooled.EMPTY_BUFFER : trailers);
      return;
    }
    bodySent = true;
    onRequestTrailers(trailers);
    if (trailers.isEmpty()) {
      upstream.data(Unpooled.EMPTY_BUFFER, true);
    } else {
      upstream.trailers(trailers);
    }
  }

  /** The client closed the connection or reset its stream. */
  public final void requestAborted(long http2ErrorCode) {
    if (!done) {
      finish();
      cancelUpstream(http2ErrorCode);
    }
  }

  /** The client is writable again. */
  public final void resumeResponse() {
    ClientStream upstream = client;
    if (upstream != null && !done) {
      upstream.resumeResponse();
    }
  }

  // ---- from the upstream connection

  /** The request head has been sent on {@code stream}; the rest follows. */
  public final void connected(ClientStream stream) {
    client = stream;
    headSent = true;
    ArrayDeque<Object> queued = waiting;
    if (queued != null) {
      waiting = null;
      boolean open = true;
      for (Object part = queued.poll(); part != null; part = queued.poll()) {
        bodySent = true;
        if (part instanceof ByteBuf data) {
          open = stream.data(data, requestEnded && queued.isEmpty());
        } else {
          Http2Headers trailers = (Http2Headers) part;
          onRequestTrailers(trailers);
          stream.trailers(trailers);
        }
      }
      if (!open) {
        return;
      }
    }
    if (!requestEnded) {
      bodyHeld = false;
      server.resumeRequest();
    }
  }

  /** The upstream is writable again. */
  public final void resumeRequest() {
    if (!done && !requestEnded) {
      bodyHeld = false;
      server.resumeRequest();
    }
  }

  /** An interim response (1xx). */
  public final void responseInformational(Http2Headers head) {
    if (!done && !response.mayBeInterim(head)) {
      responseMisframed();
    } else if (!done) {
      HeaderNames.removeOfTheMesh(head);
      server.informational(head);
    }
  }

  /**
   * The head of the final response.
   *
   * @param last whether there is neither body nor trailers
   */
  public final void responseHead(Http2Headers head, boolean last) {
    if (done) {
      return;
    }
    if (!response.mayBeFinal(head)) {
      responseMisframed();
      return;
    }
    if (isUnsent(head)) {
      onUnsent();
      if (!bodySent && attempts < MAX_RETRIES) {
        if (!last) {
          cancelUpstream(Http2Error.CANCEL.code());
        }
        upstreamFailed(Failure.UNAVAILABLE, Retry.ALWAYS);
        return;
      }
    }
    if (!response.readLength(request, head, last)) {
      responseMisframed();
      return;
    }
    end.responseBegins();
    onResponseHead(head);
    if (!server.accepts(head)) {
      fail(Failure.RESPONSE_TOO_LARGE);
      return;
    }
    response.start();
    end.responseHead(head);
    if (last) {
      responseEnded();
    }
    server.head(head, last);
  }

  private void responseEnded() {
    responseComplete = true;
    end.markComplete();
    finish();
  }

  /** The response is none: nobody gets it, or more of it. */
  private void responseMisframed() {
    cancelUpstream(Http2Error.PROTOCOL_ERROR.code());
    upstreamFailed(Failure.UNAVAILABLE, Retry.NEVER);
  }

  private void cancelUpstream(long http2ErrorCode) {
    ClientStream upstream = client;
    if (upstream != null) {
      upstream.cancel(http2ErrorCode);
    }
  }

  /** Response body; takes ownership. See {@link ServerStream#data} for the result. */
  public final boolean responseData(ByteBuf received, boolean last) {
    ByteBuf data = received;
    if (done) {
      data.release();
      return true;
    }
    if (response.started() && response.bodiless() && data.isReadable()) {
      data.release();
      data = Unpooled.EMPTY_BUFFER;
    } else if (!response.started() || !response.take(data.readableBytes(), last)) {
      data.release();
      responseMisframed();
      return true;
    }
    if (last) {
      responseEnded();
    }
    return server.data(data, last);
  }

  /** Response trailers, which end the response. */
  public final void responseTrailers(Http2Headers trailers) {
    if (!done && !response.mayEnd()) {
      responseMisframed();
    } else if (!done && !server.accepts(trailers)) {
      upstreamFailed(Failure.RESPONSE_TOO_LARGE, Retry.NEVER);
    } else if (!done) {
      Trailers.filter(trailers);
      end.grpcStatus(trailers);
      responseEnded();
      if (trailers.isEmpty()) {
        server.data(Unpooled.EMPTY_BUFFER, true);
      } else {
        server.trailers(trailers);
      }
    }
  }

  /**
   * The upstream has switched protocols, and its response head has been sent. Both sides carry
   * bytes now.
   *
   * @param into the new protocol, for people
   */
  public final void becomeTunnel(Channel upstream, String into) {
    if (done) {
      upstream.close();
      return;
    }
    tunnel = true;
    end.markComplete();
    onTunnel(into);
    server.becomeTunnel(
        upstream,
        () -> {
          if (!done) {
            finish();
          }
        });
  }

  /** When a failed request may be retried. */
  public enum Retry {
    /** The upstream has begun to answer, or what was sent cannot be sent again. */
    NEVER,
    /** The upstream may have acted on the request (RFC 9110 9.2.2). */
    IF_IDEMPOTENT,
    /** The upstream has surely not acted on it. */
    ALWAYS
  }

  /**
   * The upstream failed.
   *
   * @param failure how
   */
  public final void upstreamFailed(Failure failure, Retry safe) {
    if (done) {
      return;
    }
    upstreamFailed(failure, safe, Http2Error.INTERNAL_ERROR.code(), false);
  }

  /** No connection to the upstream could be made. */
  public final void dialFailed(Failure failure) {
    if (!done) {
      onDialFailed();
      unsent = !headSent;
      upstreamFailed(failure, otherUpstreams() ? Retry.ALWAYS : Retry.NEVER);
    }
  }

  /** The upstream reset its stream. An HTTP/2 client gets the same error code. */
  public final void upstreamReset(long http2ErrorCode, Retry safe) {
    if (!done) {
      upstreamFailed(Failure.UNAVAILABLE, safe, http2ErrorCode, server.multiplexed());
    }
  }

  private void upstreamFailed(Failure failure, Retry safe, long http2ErrorCode, boolean propagate) {
    client = null;
    if (response.started() && grpc && failure == Failure.RESPONSE_TOO_LARGE) {
      // The client has got messages, and is told why there is nothing more.
      onFailure(failure);
      Http2Headers trailers = ProxyAnswer.trailers(failure);
      end.grpcStatus(trailers);
      finish();
      server.trailers(trailers);
      return;
    }
    if (response.started()) {
      finish();
      server.abort(http2ErrorCode);
      return;
    }
    boolean again =
        switch (safe) {
          case NEVER -> false;
          case IF_IDEMPOTENT -> attempts < 1 && endsWithHead() && isIdempotent();
          case ALWAYS -> attempts < MAX_RETRIES;
        };
    if (again && !bodySent) {
      attempts++;
      retry();
    } else if (propagate) {
      onFailure(failure);
      finish();
      server.abort(http2ErrorCode);
    } else {
      fail(failure);
    }
  }

  // ---- answers of the proxy

  /** Sends a response in place of the upstream. */
  public final void fail(Failure failure) {
    fail(failure, null);
  }

  /**
   * The same, with more fields.
   *
   * @param more fields of the response; null: none
   */
  protected final void fail(Failure failure, @Nullable Http2Headers more) {
    if (done) {
      return;
    }
    onFailure(failure);
    if (failure.isRefusal()) {
      server.refused();
      if (done) {
        return;
      }
    }
    boolean says = informationalHeaders();
    boolean tellsUnsent = unsent && !otherUpstreams();
    Http2Headers head =
        says
            ? ProxyAnswer.informational(failure, grpc, tellsUnsent)
            : ProxyAnswer.to(failure, grpc);
    if (more != null) {
      head.add(more);
    }
    answer(head, failure.close());
  }

  /**
   * Answers TRACE or OPTIONS as the final recipient (RFC 9110 7.6.2). The response to TRACE is the
   * request, without fields that may be secret (9.3.8).
   */
  public final void answerAsLast() {
    if (MaxForwards.isTrace(request.method())) {
      ByteBuf message = ProxyAnswer.trace(request);
      answer(ProxyAnswer.traceHead(message), message, false);
    } else {
      answer(ProxyAnswer.empty(), false);
    }
  }

  /** Answers with a head and no body. */
  protected final void answer(Http2Headers head, boolean close) {
    answer(head, null, close);
  }

  private void answer(Http2Headers head, @Nullable ByteBuf body, boolean close) {
    if (done) {
      ReferenceCountUtil.release(body);
      return;
    }
    finish();
    cancelUpstream(Http2Error.CANCEL.code());
    if (close) {
      server.closeAfterResponse();
    }
    server.head(head, body == null);
    if (body != null) {
      server.data(body, true);
    }
  }

  /** Cuts the exchange in both directions, whatever its state. */
  protected final void cut() {
    giveUp(Failure.UNAUTHORIZED);
  }

  /** Ends the exchange in both directions: with an answer, unless one has begun. */
  protected final void giveUp(Failure failure) {
    if (done) {
      return;
    }
    if (!response.started()) {
      fail(failure);
      return;
    }
    finish();
    cancelUpstream(Http2Error.CANCEL.code());
    server.abort(Http2Error.CANCEL.code());
  }

  private boolean isIdempotent() {
    CharSequence method = request.method();
    return method != null
        && (AsciiString.contentEquals("GET", method)
            || AsciiString.contentEquals("HEAD", method)
            || AsciiString.contentEquals("OPTIONS", method)
            || AsciiString.contentEquals("TRACE", method)
            || AsciiString.contentEquals("PUT", method)
            || AsciiString.contentEquals("DELETE", method));
  }

  private void enqueue(Object part) {
    ArrayDeque<Object> queue = waiting;
    if (queue == null) {
      queue = new ArrayDeque<>(4);
      waiting = queue;
    }
    queue.add(part);
  }

  private void finish() {
    done = true;
    ArrayDeque<Object> queue = waiting;
    if (queue != null) {
      waiting = null;
      queue.forEach(ReferenceCountUtil::release);
    }
    end.settle();
    onDone();
  }
}
