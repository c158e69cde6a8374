package io.signetmesh.proxy.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.metrics.RequestMetrics;
import io.signetmesh.proxy.metrics.ResponseClass;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * One request and its response, crossing the proxy. The server connection feeds request events in,
 * the upstream connection response events; each side is told when to hold its source because the
 * other side is slow. Confined to one loop.
 *
 * <p>Until an upstream stream exists, request bytes wait here; the source is held meanwhile, so
 * there are never more of them than one read or one HTTP/2 window.
 */
abstract class Exchange {
  private static final AsciiString OK = AsciiString.cached("200");
  private static final AsciiString SWITCHING = AsciiString.cached("101");
  private static final AsciiString MESSAGE_HTTP = AsciiString.cached("message/http");
  private static final long UNDECLARED = -1;
  private static final int MAX_RETRIES = 2;

  private final ServerStream server;
  private final Http2Headers request;
  private final boolean grpc;
  private final boolean http10;
  private boolean absoluteForm;
  private @Nullable ClientStream client;
  private @Nullable ArrayDeque<Object> waiting;
  private boolean requestEnded;
  private boolean headSent;
  private boolean unsent;
  private boolean bodySent;
  private boolean responseStarted;
  private boolean responseBodiless;
  private long responseLeft = UNDECLARED;
  private boolean responseComplete;
  private boolean done;
  private boolean tunnel;
  private long bodyBytes;
  private boolean bodyHeld;
  private int attempts;
  private @Nullable ConnectionMemory memory;
  private long headBytes;
  private final long startNanos = System.nanoTime();
  private @Nullable RequestMetrics counted;
  private int status;
  private int grpcStatus = ResponseClass.NO_GRPC_STATUS;

  /**
   * @param server where the response goes
   * @param request request head with pseudo-headers; owned by the exchange from here on
   * @param requestEnded whether the request has neither body nor trailers
   */
  Exchange(ServerStream server, Http2Headers request, boolean requestEnded) {
    this.server = server;
    this.request = request;
    this.requestEnded = requestEnded;
    this.absoluteForm = request.getAndRemove(OriginalForm.NAME) != null;
    this.http10 = request.getAndRemove(OriginalForm.VERSION) != null;
    this.grpc = server.multiplexed() && HeaderNames.isGrpc(request);
  }

  /**
   * Charges the client for the head, until the exchange is over.
   *
   * @param account of the client's connection; null where none is kept
   */
  final void charge(@Nullable ConnectionMemory account) {
    if (account != null && !done) {
      memory = account;
      headBytes = ConnectionMemory.heapOf(request);
      account.addHeads(headBytes);
    }
  }

  /** Whether the client has its share of memory in heads of requests under way. */
  final boolean beyondShare() {
    ConnectionMemory account = memory;
    return account != null && !account.hasRoomForHeads(0);
  }

  /** Bytes of the request that wait, here and upstream. */
  final long heldBytes() {
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

  /** Bytes of the body that have come. */
  final long bodyBytes() {
    return bodyBytes;
  }

  /** Whether the body waits for the upstream: its sender may not go on. */
  final boolean bodyHeld() {
    return bodyHeld || client == null;
  }

  final Http2Headers request() {
    return request;
  }

  final boolean grpc() {
    return grpc;
  }

  final boolean requestEnded() {
    return requestEnded;
  }

  /** Whether the head is all that there is to send: no body waits, none will come. */
  final boolean endsWithHead() {
    return requestEnded && waiting == null;
  }

  /** Whether the request was HTTP/1.0. */
  final boolean http10() {
    return http10;
  }

  /** Whether the target of the request is an absolute URI (RFC 9112 3.2.2). */
  final boolean absoluteForm() {
    return absoluteForm;
  }

  /** Notes that the request was in absolute form when it came to the first proxy. */
  final void setAbsoluteForm() {
    absoluteForm = true;
  }

  /** Whether an earlier attempt failed. */
  final boolean retried() {
    return attempts > 0;
  }

  /**
   * Looks at the policy in force after a wait, before anything is sent upstream; false: the
   * exchange has been ended.
   */
  boolean mayBeSent() {
    return !done;
  }

  /** Whether the request, or a part of it, has been given to an upstream. */
  final boolean sent() {
    return client != null || bodySent || responseStarted;
  }

  /** The client that the request comes from. */
  abstract ClientAccount account();

  /** Whether a retry may meet another peer than the one that could not be reached. */
  abstract boolean otherUpstreams();

  /** Whether the exchange has left HTTP and goes on as bytes. */
  final boolean tunnel() {
    return tunnel;
  }

  final boolean done() {
    return done;
  }

  final ServerStream server() {
    return server;
  }

  /** Whether synthesized responses tell the client what went wrong in headers. */
  abstract boolean informationalHeaders();

  /**
   * Looks at and changes the upstream's response head before it goes to the client: what the peer's
   * proxy says to this one ends here, and an application says nothing in its place.
   */
  abstract void onResponseHead(Http2Headers head);

  /** The proxy answers in place of the upstream. */
  abstract void onFailure(Failure failure);

  /** Called once when the exchange is over, however it ended; see {@link #responseComplete}. */
  abstract void onDone();

  /** Whether the upstream's response has come to its end. */
  final boolean responseComplete() {
    return responseComplete;
  }

  /** Called when the first bytes of the response have come. */
  abstract void onResponseStarted();

  /**
   * Called when the exchange leaves HTTP.
   *
   * @param into what it goes on as, in words for people
   */
  abstract void onTunnel(String into);

  /** Sends the request again over another connection; only called when that is safe. */
  abstract void retry();

  /** No connection to the upstream could be made for this exchange. */
  abstract void onDialFailed();

  /**
   * Whether a response is that of a peer's proxy, which says that it has sent nothing of the
   * request to its application.
   */
  boolean isUnsent(Http2Headers response) {
    return false;
  }

  /** Called for a response for which {@link #isUnsent} is true, whatever becomes of it. */
  void onUnsent() {}

  // ---- counting

  /** Nanoseconds since the request came. */
  final long elapsedNanos() {
    return System.nanoTime() - startNanos;
  }

  /** Counts the request, and what becomes of it, from here on; ends what was counted before. */
  final void count(RequestMetrics metrics) {
    endCount();
    metrics.requestStarted();
    counted = metrics;
  }

  /** Counts how the request ended, once. */
  final void endCount() {
    RequestMetrics metrics = counted;
    if (metrics != null) {
      counted = null;
      if (responseComplete || tunnel) {
        metrics.responseEnded(status, grpcStatus);
      } else {
        metrics.failed(status, ProxyError.IO);
      }
    }
  }

  private void countHead(Http2Headers head) {
    noteGrpcStatus(head);
    status = statusOf(head);
    RequestMetrics metrics = counted;
    if (metrics != null) {
      metrics.responseStarted(status, elapsedNanos());
    }
  }

  private void noteGrpcStatus(Http2Headers from) {
    if (grpc) {
      CharSequence value = from.get(HeaderNames.GRPC_STATUS);
      if (value != null) {
        grpcStatus = ResponseClass.parseGrpcStatus(value);
      }
    }
  }

  private static int statusOf(Http2Headers head) {
    CharSequence text = head.status();
    if (text == null || text.length() != 3) {
      return 0;
    }
    return (text.charAt(0) - '0') * 100 + (text.charAt(1) - '0') * 10 + text.charAt(2) - '0';
  }

  // ---- from the server connection

  /** Request body; see {@link ClientStream#data} for the result. */
  final boolean requestData(ByteBuf data, boolean end) {
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

  final void requestTrailers(Http2Headers trailers) {
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
    if (trailers.isEmpty()) {
      upstream.data(Unpooled.EMPTY_BUFFER, true);
    } else {
      upstream.trailers(trailers);
    }
  }

  /** The client went away or reset its stream. */
  final void requestAborted(long http2ErrorCode) {
    if (!done) {
      finish();
      cancelUpstream(http2ErrorCode);
    }
  }

  /** The client takes response bytes again. */
  final void resumeResponse() {
    ClientStream upstream = client;
    if (upstream != null && !done) {
      upstream.resumeResponse();
    }
  }

  // ---- from the upstream connection

  /** The request head has been sent on {@code stream}; the rest follows. */
  final void connected(ClientStream stream) {
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
          stream.trailers((Http2Headers) part);
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

  /** The upstream takes request bytes again. */
  final void resumeRequest() {
    if (!done && !requestEnded) {
      bodyHeld = false;
      server.resumeRequest();
    }
  }

  final void responseInformational(Http2Headers head) {
    if (!done && (responseStarted || !isStatus(head, '1', '1'))) {
      responseMisframed();
    } else if (!done) {
      HeaderNames.removeOfTheMesh(head);
      server.informational(head);
    }
  }

  /** Whether a status is one: three digits, the first within a range (RFC 9110 15). */
  private static boolean isStatus(Http2Headers head, char lowest, char highest) {
    CharSequence status = head.status();
    if (status == null || status.length() != 3) {
      return false;
    }
    char first = status.charAt(0);
    return first >= lowest
        && first <= highest
        && isDigit(status.charAt(1))
        && isDigit(status.charAt(2));
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  final void responseHead(Http2Headers head, boolean end) {
    if (done) {
      return;
    }
    boolean switches = head.status() != null && SWITCHING.contentEquals(head.status());
    if (responseStarted || (!switches && !isStatus(head, '2', '5'))) {
      responseMisframed();
      return;
    }
    if (isUnsent(head)) {
      onUnsent();
      if (!bodySent && attempts < MAX_RETRIES) {
        if (!end) {
          cancelUpstream(Http2Error.CANCEL.code());
        }
        upstreamFailed(Failure.UNAVAILABLE, Retry.ALWAYS);
        return;
      }
    }
    responseBodiless = isBodiless(head);
    CharSequence length = responseBodiless ? null : head.get(HeaderNames.CONTENT_LENGTH);
    responseLeft = length == null ? UNDECLARED : HeaderNames.parseLength(length);
    if (responseLeft == HeaderNames.MALFORMED_LENGTH || (end && responseLeft > 0)) {
      responseMisframed();
      return;
    }
    onResponseStarted();
    onResponseHead(head);
    if (!server.accepts(head)) {
      fail(Failure.RESPONSE_TOO_LARGE);
      return;
    }
    responseStarted = true;
    countHead(head);
    if (end) {
      responseComplete = true;
      finish();
    }
    server.head(head, end);
  }

  /** Whether a response has no body, whatever comes and whatever it states (RFC 9110 6.4.1). */
  private boolean isBodiless(Http2Headers head) {
    CharSequence method = request.method();
    CharSequence code = head.status();
    return (method != null && AsciiString.contentEquals("HEAD", method))
        || (code != null
            && (AsciiString.contentEquals("204", code) || AsciiString.contentEquals("304", code)));
  }

  /**
   * The response is none: its status is no status (RFC 9110 15), its parts come in another order
   * than they do (RFC 9113 8.1), or its body is not as long as the head states, so that whoever
   * reads it would take what follows for the rest, or the rest for what follows.
   */
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

  final boolean responseData(ByteBuf received, boolean end) {
    ByteBuf data = received;
    if (done) {
      data.release();
      return true;
    }
    if (!responseStarted) {
      data.release();
      responseMisframed();
      return true;
    }
    if (responseBodiless && data.isReadable()) {
      data.release();
      data = Unpooled.EMPTY_BUFFER;
    } else if (responseLeft != UNDECLARED) {
      responseLeft -= data.readableBytes();
      if (responseLeft < 0 || (end && responseLeft > 0)) {
        data.release();
        responseMisframed();
        return true;
      }
    }
    if (end) {
      responseComplete = true;
      finish();
    }
    return server.data(data, end);
  }

  final void responseTrailers(Http2Headers trailers) {
    if (!done && (!responseStarted || responseLeft > 0)) {
      responseMisframed();
    } else if (!done && !server.accepts(trailers)) {
      upstreamFailed(Failure.RESPONSE_TOO_LARGE, Retry.NEVER);
    } else if (!done) {
      Trailers.filter(trailers);
      noteGrpcStatus(trailers);
      responseComplete = true;
      finish();
      if (trailers.isEmpty()) {
        server.data(Unpooled.EMPTY_BUFFER, true);
      } else {
        server.trailers(trailers);
      }
    }
  }

  /**
   * The upstream has switched protocols and its head has been sent: both sides are bytes now.
   *
   * @param into what they go on as, in words for people
   */
  final void becomeTunnel(Channel upstream, String into) {
    if (done) {
      upstream.close();
      return;
    }
    tunnel = true;
    onTunnel(into);
    server.becomeTunnel(
        upstream,
        () -> {
          if (!done) {
            finish();
          }
        });
  }

  /** When a request that failed may be sent once more. */
  enum Retry {
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
  final void upstreamFailed(Failure failure, Retry safe) {
    if (done) {
      return;
    }
    upstreamFailed(failure, safe, Http2Error.INTERNAL_ERROR.code(), false);
  }

  /** No connection to the upstream could be made. */
  final void dialFailed(Failure failure) {
    if (!done) {
      onDialFailed();
      unsent = !headSent;
      upstreamFailed(failure, otherUpstreams() ? Retry.ALWAYS : Retry.NEVER);
    }
  }

  /** The upstream reset its stream, which a client that speaks HTTP/2 is told as it is. */
  final void upstreamReset(long http2ErrorCode, Retry safe) {
    if (!done) {
      upstreamFailed(Failure.UNAVAILABLE, safe, http2ErrorCode, server.multiplexed());
    }
  }

  private void upstreamFailed(Failure failure, Retry safe, long http2ErrorCode, boolean propagate) {
    client = null;
    if (responseStarted && grpc && failure == Failure.RESPONSE_TOO_LARGE) {
      // The client has got messages, and is told why there is nothing more.
      onFailure(failure);
      Http2Headers trailers = new DefaultHttp2Headers(false, 2);
      trailers.set(HeaderNames.GRPC_STATUS, failure.grpcStatus());
      trailers.set(HeaderNames.GRPC_MESSAGE, failure.message());
      noteGrpcStatus(trailers);
      finish();
      server.trailers(trailers);
      return;
    }
    if (responseStarted) {
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

  /** Answers in place of the upstream. */
  final void fail(Failure failure) {
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
    Http2Headers head = answer(failure, grpc);
    if (informationalHeaders()) {
      if (grpc) {
        head.set(HeaderNames.GRPC_MESSAGE, failure.message());
      }
      head.set(HeaderNames.L5D_PROXY_ERROR, failure.message());
      if (unsent && !otherUpstreams()) {
        head.set(HeaderNames.L5D_PROXY_UNSENT, HeaderNames.TRUE);
      }
      if (failure.close()) {
        head.set(HeaderNames.L5D_PROXY_CONNECTION, HeaderNames.CLOSE);
      }
    }
    answer(head, failure.close());
  }

  /**
   * Answers TRACE or OPTIONS as the final recipient (RFC 9110 7.6.2). TRACE gets back what was
   * asked for, without what may be secret (9.3.8).
   */
  final void answerAsLast() {
    Http2Headers head = new DefaultHttp2Headers(false, 4);
    head.status(OK);
    if (!MaxForwards.isTrace(request.method())) {
      head.set(HeaderNames.CONTENT_LENGTH, HeaderNames.ZERO);
      answer(head, false);
      return;
    }
    CharSequence authority = request.authority();
    String message =
        "TRACE "
            + request.path()
            + " HTTP/1.1\r\n"
            + (authority == null ? "" : "host: " + authority + "\r\n")
            + "max-forwards: 0\r\n\r\n";
    head.set(HeaderNames.CONTENT_TYPE, MESSAGE_HTTP);
    head.set(HeaderNames.CONTENT_LENGTH, Integer.toString(message.length()));
    answer(head, Unpooled.copiedBuffer(message, StandardCharsets.ISO_8859_1), false);
  }

  /** A head that tells a client of a failure, and is all of the answer. */
  static Http2Headers answer(Failure failure, boolean grpc) {
    Http2Headers head = new DefaultHttp2Headers(false, 8);
    if (grpc) {
      head.status(OK);
      head.set(HeaderNames.CONTENT_TYPE, HeaderNames.GRPC);
      head.set(HeaderNames.GRPC_STATUS, failure.grpcStatus());
    } else {
      head.status(failure.status());
      head.set(HeaderNames.CONTENT_LENGTH, HeaderNames.ZERO);
    }
    return head;
  }

  /** Answers with a head and no body. */
  final void answer(Http2Headers head, boolean close) {
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
  final void cut() {
    giveUp(Failure.UNAUTHORIZED);
  }

  /** Ends the exchange in both directions: with an answer, unless one has begun. */
  final void giveUp(Failure failure) {
    if (done) {
      return;
    }
    if (!responseStarted) {
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
    ConnectionMemory account = memory;
    if (account != null) {
      memory = null;
      account.addHeads(-headBytes);
    }
    ArrayDeque<Object> queue = waiting;
    if (queue != null) {
      waiting = null;
      queue.forEach(ReferenceCountUtil::release);
    }
    endCount();
    onDone();
  }
}
