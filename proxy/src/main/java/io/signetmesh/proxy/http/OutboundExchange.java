package io.signetmesh.proxy.http;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.netty.util.concurrent.Future;
import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.OriginalForm;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.metrics.ResponseClass;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.Upstream;
import org.jspecify.annotations.Nullable;

/**
 * One outbound request: sent to the endpoint that balancing picks, and to another one where the
 * first was not reached. A request that waits is sent as policy and discovery have it when the wait
 * ends.
 */
final class OutboundExchange extends Exchange {
  private final OutboundRequests connection;
  private final boolean upgrade;
  private final @Nullable CharSequence requiredIdentity;
  private AsciiString form = HeaderNames.ORIG_HTTP_11;
  private @Nullable CharSequence asked;
  private final EndpointVerdict verdict = new EndpointVerdict();

  OutboundExchange(
      OutboundRequests connection,
      ServerStream server,
      Http2Headers head,
      boolean end,
      boolean upgrade) {
    super(server, head, end);
    this.connection = connection;
    this.upgrade = upgrade;
    this.requiredIdentity = head.getAndRemove(HeaderNames.L5D_REQUIRE_ID);
  }

  void prepare() {
    Http2Headers head = request();
    HeaderNames.removeInternal(head);
    form = OriginalForm.toOrigProto(absoluteForm(), http10());
    if (!upgrade) {
      head.remove(HeaderNames.UPGRADE);
    }
    head.scheme(HeaderNames.HTTP);
    asked = head.authority();
  }

  boolean hasTarget() {
    CharSequence target = request().path();
    return target != null && RequestPath.isTarget(target);
  }

  /** Policy may have come to forbid the destination since the connection was accepted. */
  private boolean isForbidden() {
    boolean forbidden = connection.upstream.protocol() == Upstream.Protocol.FORBIDDEN;
    if (forbidden) {
      fail(Failure.UNAUTHORIZED);
    }
    return forbidden;
  }

  /** A request that has waited is sent as policy and discovery have it when the wait ends. */
  @Override
  public boolean mayBeSent() {
    if (done() || isForbidden()) {
      return false;
    }
    Endpoint picked = verdict.endpoint();
    if (picked != null && !connection.upstream.leadsTo(picked)) {
      endCount();
      again();
      return false;
    }
    return true;
  }

  void pickAndSend() {
    if (isForbidden()) {
      return;
    }
    Upstream.Lease picked = connection.upstream.pick();
    if (picked != null) {
      send(picked);
      return;
    }
    connection
        .upstream
        .awaitPick(connection.state.loop.eventLoop())
        .addListener(
            (Future<Upstream.Lease> awaited) -> {
              if (awaited.isSuccess()) {
                if (done() || isForbidden()) {
                  awaited.getNow().release();
                } else {
                  send(awaited.getNow());
                }
              } else {
                fail(Failure.NO_ENDPOINT);
              }
            });
  }

  private void send(Upstream.Lease picked) {
    verdict.picked(picked);
    Endpoint endpoint = picked.endpoint();
    CharSequence required = requiredIdentity;
    if (required != null
        && (endpoint.tls() == null || !endpoint.tls().identity().contentEquals(required))) {
      fail(Failure.UNAVAILABLE);
      return;
    }
    count(connection.counts.to(endpoint));
    Http2Headers head = request();
    String override = endpoint.authorityOverride();
    CharSequence authority = override == null ? asked : override;
    // An HTTP/1.0 request may name no host; what is sent on must. An endpoint that was tried
    // before may have another name.
    head.authority(authority == null ? connection.upstream.authority() : authority);
    if (override != null) {
      head.remove(HeaderNames.HOST);
    }
    UpstreamPool pool = connection.state.pool(endpoint);
    boolean http1 = connection.version == HttpVersion.HTTP1;
    if (!http1) {
      pool.sendHttp2(this);
    } else if (endpoint.tls() != null && endpoint.hint() == Endpoint.Hint.HTTP2 && !upgrade) {
      head.set(HeaderNames.L5D_ORIG_PROTO, form);
      // Linkerd's proxy makes an HTTP/1 request of it again, and its Host of this header alone.
      head.set(HeaderNames.HOST, head.authority());
      pool.sendHttp2(this);
    } else {
      pool.sendHttp1(this);
    }
  }

  @Override
  protected void retry() {
    endCount();
    verdict.failed(elapsedNanos());
    again();
  }

  /** Sends the head to whichever endpoint is picked now. */
  private void again() {
    verdict.release();
    request().remove(HeaderNames.L5D_ORIG_PROTO);
    request().remove(HeaderNames.HOST);
    pickAndSend();
  }

  @Override
  public ClientAccount account() {
    return connection.account();
  }

  @Override
  protected boolean otherUpstreams() {
    return true;
  }

  @Override
  protected boolean informationalHeaders() {
    return true;
  }

  @Override
  protected void onResponseHead(Http2Headers head) {
    verdict.responded(elapsedNanos(), isFailure(head));
    if (verdict.isOfAProxy()
        && HeaderNames.hasToken(head.get(HeaderNames.L5D_PROXY_CONNECTION), HeaderNames.CLOSE)) {
      // The peer's proxy answered for its application and wants no more of this connection.
      server().closeAfterResponse();
    }
    HeaderNames.removeOfTheMesh(head);
  }

  @Override
  protected boolean isUnsent(Http2Headers response) {
    return verdict.isOfAProxy() && response.contains(HeaderNames.L5D_PROXY_UNSENT);
  }

  @Override
  protected void onUnsent() {
    verdict.refused(elapsedNanos());
  }

  /** A failure of the endpoint, not of the request: 5xx, or gRPC's counterparts of it. */
  private boolean isFailure(Http2Headers head) {
    CharSequence status = head.status();
    if (status != null && status.length() == 3 && status.charAt(0) == '5') {
      return true;
    }
    CharSequence grpcStatus = grpc() ? head.get(HeaderNames.GRPC_STATUS) : null;
    return grpcStatus != null
        && switch (ResponseClass.parseGrpcStatus(grpcStatus)) {
          // UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS
          case 2, 13, 14, 15 -> true;
          default -> false;
        };
  }

  @Override
  protected void onFailure(Failure failure) {
    if (failure == Failure.UNAVAILABLE) {
      verdict.failed(elapsedNanos());
    }
    ProxyError error = failure.error();
    if (error != null) {
      connection.counts.failed(error);
    }
  }

  @Override
  protected void onTunnel(String into) {}

  @Override
  protected void onDialFailed() {
    verdict.notReached();
  }

  @Override
  protected void onDone() {
    verdict.release();
  }
}
