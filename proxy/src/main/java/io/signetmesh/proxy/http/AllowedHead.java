package io.signetmesh.proxy.http;

import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.netty.util.NetUtil;
import io.signetmesh.proxy.authorize.RequestTarget;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.MaxForwards;
import io.signetmesh.proxy.inbound.InboundConnection;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The head of a request that was allowed, made into the one that is sent. What is changed is kept,
 * so that it can be taken back: a change of policy is judged by what the client asked for, and what
 * is sent after it is made of that anew.
 */
final class AllowedHead {
  private final Http2Headers head;
  private final InboundConnection inbound;
  private final boolean upgrade;
  private @Nullable CharSequence receivedPath;
  private @Nullable Http2Headers received;
  private @Nullable CharSequence forwards;
  private List<CharSequence> upgrades = List.of();
  private boolean authorityAdded;

  /**
   * @param upgrade whether the client asks to leave HTTP/1
   */
  AllowedHead(Http2Headers head, InboundConnection inbound, boolean upgrade) {
    this.head = head;
    this.inbound = inbound;
    this.upgrade = upgrade;
  }

  /** Notes the path as the client sent it. */
  void received() {
    receivedPath = head.path();
  }

  /** The path as the client sent it. */
  @Nullable CharSequence receivedPath() {
    return receivedPath;
  }

  /**
   * Names the client, applies the filters of a route, and says what its tokens have proved.
   *
   * @param tokenFields names of fields that carry claims, which the client may not send
   * @param tokens what the tokens of the request prove
   * @return the filter that the request does not get past; null: there is none
   */
  Route.@Nullable Filter apply(
      List<Route.Filter> filters, Set<String> tokenFields, TokenProofs tokens) {
    String identity = inbound.client().identity();
    if (identity != null) {
      head.set(HeaderNames.L5D_CLIENT_ID, identity);
    }
    if (!filters.isEmpty() || !tokenFields.isEmpty() || tokens.enforced() > 0) {
      received = new DefaultHttp2Headers(false, 16).setAll(head);
    }
    if (!tokenFields.isEmpty()) {
      HeaderNames.removeFolded(head, tokenFields);
    }
    TokenFields.strip(head, tokens);
    for (int i = 0; i < filters.size(); i++) {
      Route.Filter filter = filters.get(i);
      if (!(filter instanceof Route.Filter.RequestHeaders change) || !apply(change)) {
        return filter;
      }
    }
    // Last, so that no filter says something else.
    TokenFields.forward(head, tokens);
    return null;
  }

  /** False where a change would say something else than the message is. */
  private boolean apply(Route.Filter.RequestHeaders change) {
    for (Route.Filter.Header header : change.add()) {
      AsciiString name = AsciiString.of(header.name());
      if (HeaderNames.isOfTheProxy(name) || HeaderNames.HOST.contentEquals(name)) {
        return false;
      }
      head.add(name, header.value());
    }
    for (Route.Filter.Header header : change.set()) {
      AsciiString name = AsciiString.of(header.name());
      if (HeaderNames.isOfTheProxy(name)) {
        return false;
      }
      if (!HeaderNames.HOST.contentEquals(name)) {
        head.set(name, header.value());
      } else if (RequestTarget.isAuthority(header.value())) {
        head.authority(header.value());
      } else {
        return false;
      }
    }
    for (String name : change.remove()) {
      if (HeaderNames.isOfTheProxy(name)) {
        return false;
      }
      head.remove(AsciiString.of(name));
    }
    return true;
  }

  /** Counts this proxy in Max-Forwards; false: the request goes no further (RFC 9110 7.6.2). */
  boolean countForward() {
    forwards = head.get(MaxForwards.NAME);
    return MaxForwards.count(head);
  }

  /** Adds what an application may rely on, and leaves out what only the client's proxy may ask. */
  void complete() {
    authorityAdded = head.authority() == null;
    if (authorityAdded) {
      // An HTTP/1.0 request may name no host; what is sent on must.
      head.authority(NetUtil.toSocketAddressString(inbound.target()));
    }
    if (!upgrade && head.contains(HeaderNames.UPGRADE)) {
      upgrades = head.getAllAndRemove(HeaderNames.UPGRADE);
    }
  }

  /** Takes back all changes. */
  void restore() {
    Http2Headers unchanged = received;
    if (unchanged != null) {
      received = null;
      head.clear();
      head.setAll(unchanged);
    } else {
      if (forwards != null) {
        head.set(MaxForwards.NAME, forwards);
      }
      if (authorityAdded) {
        head.remove(Http2Headers.PseudoHeaderName.AUTHORITY.value());
      }
      if (!upgrades.isEmpty()) {
        head.set(HeaderNames.UPGRADE, upgrades);
      }
    }
    head.remove(HeaderNames.L5D_CLIENT_ID);
    forwards = null;
    authorityAdded = false;
    upgrades = List.of();
    CharSequence path = receivedPath;
    if (path != null) {
      head.path(path);
    }
  }
}
