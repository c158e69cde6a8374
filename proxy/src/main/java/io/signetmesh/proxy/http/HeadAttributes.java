package io.signetmesh.proxy.http;

import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reused view of the head of a request that is being decided on. One per connection. */
final class HeadAttributes implements RequestAttributes {
  private final ExpressionWork expressions = new ExpressionWork();
  private Http2Headers head = new DefaultHttp2Headers(false, 2);
  private CharSequence path = "";

  /** Shows a head, with its path in the form that is given. */
  HeadAttributes of(Http2Headers shown, @Nullable CharSequence form) {
    head = shown;
    path = form == null ? "" : form;
    expressions.reset();
    return this;
  }

  /** Shows the path in another form. */
  void path(CharSequence form) {
    path = form;
  }

  @Override
  public ExpressionWork expressions() {
    return expressions;
  }

  @Override
  public CharSequence method() {
    CharSequence method = head.method();
    return method == null ? "" : method;
  }

  @Override
  public CharSequence path() {
    return path;
  }

  @Override
  public CharSequence authority() {
    CharSequence authority = head.authority();
    return authority == null ? "" : authority;
  }

  @Override
  public @Nullable CharSequence header(CharSequence lowerCaseName) {
    if (HeaderNames.HOST.contentEquals(lowerCaseName)) {
      return head.authority();
    }
    if (HeaderNames.COOKIE.contentEquals(lowerCaseName)) {
      List<CharSequence> crumbs = head.getAll(HeaderNames.COOKIE);
      if (crumbs.size() > 1) {
        return RequestAttributes.cookie(crumbs);
      }
    }
    return head.get(lowerCaseName);
  }

  @Override
  public boolean repeats(CharSequence lowerCaseName) {
    if (HeaderNames.HOST.contentEquals(lowerCaseName)
        || HeaderNames.COOKIE.contentEquals(lowerCaseName)) {
      return false;
    }
    return RequestAttributes.differ(head.valueIterator(lowerCaseName));
  }

  /** The route of the request; null: none matches, or the policy reads no requests. */
  @Nullable Route route(ServerPolicy by) {
    ServerPolicy.Protocol protocol = by.protocol();
    return protocol == ServerPolicy.Protocol.OPAQUE || protocol == ServerPolicy.Protocol.TLS
        ? null
        : by.route(this);
  }
}
