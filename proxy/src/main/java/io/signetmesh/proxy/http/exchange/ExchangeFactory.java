package io.signetmesh.proxy.http.exchange;

import io.netty.channel.Channel;
import io.netty.handler.codec.http2.Http2Headers;
import org.jspecify.annotations.Nullable;

/**
 * Begins an exchange for each request of a server connection. One per connection, confined to its
 * loop.
 */
public interface ExchangeFactory {
  /**
   * Begins an exchange. The factory acts on it at once; it may answer before this returns.
   *
   * @param upgrade whether the client asks to leave HTTP/1 (Upgrade or CONNECT)
   */
  Exchange begin(
      ServerStream server, Channel channel, Http2Headers head, boolean end, boolean upgrade);

  /**
   * A request is malformed, so that no exchange begins; it is answered by the connection.
   *
   * @param method method, as far as it is known
   * @param target target, as far as it is known
   * @param why what is wrong
   */
  void malformed(@Nullable CharSequence method, @Nullable CharSequence target, String why);

  /** The client of the connection. */
  ClientAccount account();

  /** The connection is ended because of the work without use that its client makes. */
  void exhausted(ClientAccount.Waste by);

  /** The connection is closed. */
  void closed();
}
